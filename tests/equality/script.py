"""The scripted upstream of the equality course: what it says is a pure function of question and season."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from struct import pack

from filterd.dataplane.upstream.forward_types import Question
from filterd.wire.names import name_from_text
from tests.fuzz.packets import mutate
from tests.worlds.dns_answers import AAAA, CNAME, DNAME, HTTPS, SVCB, A

NS, SOA, PTR, MX, TXT, SRV, OPT, DS, RRSIG, ANY = 2, 6, 12, 15, 16, 33, 41, 43, 46, 255
NOERROR, SERVFAIL, NXDOMAIN, REFUSED, YXDOMAIN, NOTAUTH = 0, 2, 3, 5, 6, 9
MANDATORY, ECH = 0, 5
"""keys of services' parameters"""
ECH_CONFIGS = b"\0\x08\xfe\x0d\0\4keys"
ASKED = b"\xc0\x0c"
"""a pointer to the name of the question"""
TTLS = (0, 1, 5, 30, 30, 60, 60, 60, 300, 300, 300, 300, 3600, 3600, 86_400, 200_000, 2**31 + 5)
MOMENTS = (0.0, 0.0, 1 / 64, 0.25, 1.0, 2.5, 3.0)
"""seconds that an answer may take; binary fractions, so that no clock rounds them"""
EDES = ((6, b""), (9, b"no key"), (22, b""), (23, b"192.0.2.53: no route"), (0, "señal".encode()))


class Weather(Enum):
    """The weather of the upstreams."""

    FINE = "answer at once"
    SLOW = "answer, some late"
    SICK = "answer SERVFAIL, or not at all"
    DOWN = "do not answer"


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """The reply that forwarding brings, after so many seconds."""

    message: bytes | None
    ad: bool = False
    edes: tuple[tuple[int, bytes], ...] = ()
    seconds: float = 0.0


@dataclass(slots=True)
class Script:
    """One upstream. ``names`` (wire form) are where aliases and services lead, ``addresses`` (4 or 16 bytes)
    what stands in answers."""

    names: Sequence[bytes]
    addresses: Sequence[bytes]
    weather: Weather = Weather.FINE
    season: int = 0
    """another one: other answers"""
    real: bool = False
    """asked over sockets too: no answer is late, or would be waited out"""
    made: dict[tuple[Question, Weather, int], ScriptedReply] = field(default_factory=dict)

    def answer(self, question: Question) -> ScriptedReply:
        """The reply to the question now."""
        key = (question, self.weather, self.season)
        if key not in self.made:
            self.made[key] = self._make(question)
        return self.made[key]

    def _make(self, question: Question) -> ScriptedReply:
        text = repr((question, self.weather.value, self.season)).encode()
        random = Random(hashlib.blake2b(text, digest_size=8).digest())
        late = self.weather is Weather.SLOW and not self.real
        seconds = random.choice(MOMENTS) if late else 0.0
        if self.weather is Weather.DOWN or (self.weather is Weather.SICK and random.random() < 0.4):
            edes = tuple(random.sample(EDES, random.randrange(3)))
            return ScriptedReply(None, False, edes, 0.0 if self.real else random.choice((0.0, 0.25, 4.0)))
        shapes = (servfail, servfail, plain) if self.weather is Weather.SICK else SHAPES
        if self.real:
            shapes = tuple(shape for shape in shapes if shape not in UNSOUND)
        message = random.choice(shapes)(self, question, random)
        edes = tuple(random.sample(EDES, random.choice((0, 0, 0, 1, 2))))
        return ScriptedReply(message, random.random() < 0.3, edes, seconds)


Shape = Callable[[Script, Question, Random], bytes]


@dataclass(slots=True)
class Reply:
    """An answer that grows."""

    question: Question
    rcode: int = NOERROR
    sections: tuple[list[bytes], list[bytes], list[bytes]] = field(default_factory=lambda: ([], [], []))

    def add(self, owner: bytes, rtype: int, ttl: int, data: bytes, section: int = 0) -> None:
        """One record."""
        self.sections[section].append(owner + pack("!HHIH", rtype, 1, ttl, len(data)) + data)

    def wire(self, flags: int = 0x8180) -> bytes:
        """The message, with id 0 and without OPT."""
        asked = self.question.name + pack("!HH", self.question.qtype, self.question.qclass)
        counts = [len(section) for section in self.sections]
        records = b"".join(b"".join(section) for section in self.sections)
        return pack("!HHHHHH", 0, flags | self.rcode, 1, *counts) + asked + records


def _address(script: Script, random: Random, size: int) -> bytes:
    fitting = [address for address in script.addresses if len(address) == size]
    return random.choice(fitting) if random.random() < 0.5 else random.randbytes(size)


def service(script: Script, random: Random) -> bytes:
    """An SVCB or HTTPS record, perhaps with hints or ECH, which a client perhaps has to understand."""
    target = b"\0" if random.random() < 0.4 else random.choice(script.names)
    made = pack("!H", random.choice((0, 1, 1, 2))) + target
    values = {}
    for key, size in ((4, 4), (6, 16)):
        if random.random() < 0.6:
            values[key] = b"".join(_address(script, random, size) for _ in range(random.choice((1, 1, 3))))
    chance = sum(b"".join(values.values()))  # not drawn: courses of before stay what they were
    if chance % 4 < 3:
        values[ECH] = ECH_CONFIGS
    if chance % 3 == 0:
        values[MANDATORY] = pack("!HH", 4, ECH) if chance % 5 == 0 else pack("!H", 4)
    return made + b"".join(pack("!HH", key, len(values[key])) + values[key] for key in sorted(values))


def content(script: Script, random: Random, rtype: int) -> bytes:
    """The content of one record of that type."""
    name = random.choice(script.names)
    if rtype in (A, ANY):
        return _address(script, random, 4)
    if rtype == AAAA:
        return _address(script, random, 16)
    if rtype in (SVCB, HTTPS):
        return service(script, random)
    if rtype in (CNAME, DNAME, NS, PTR):
        return name
    texts = b"".join(bytes([60]) + random.randbytes(60) for _ in range(random.choice((1, 1, 4))))
    return {
        MX: b"\0\x0a" + name,
        SRV: b"\0\0\0\1\1\xbb" + name,
        TXT: texts,
        SOA: name + name + random.randbytes(20),
    }.get(rtype, random.randbytes(random.randrange(40)))


def fill(script: Script, reply: Reply, random: Random, owner: bytes, most: int = 3) -> None:
    """Records of the asked type, and their signature where it was asked for."""
    rtype, ttl = reply.question.qtype, random.choice(TTLS)
    for _ in range(random.randrange(most) + 1):
        reply.add(owner, A if rtype == ANY else rtype, ttl, content(script, random, rtype))
    if reply.question.dnssec_ok and random.random() < 0.6:
        signed = pack("!HBBIIIH", rtype, 13, 2, ttl, 2**31, 1, 7) + b"\0" + random.randbytes(64)
        reply.add(owner, RRSIG, ttl, signed)


def plain(script: Script, question: Question, random: Random) -> bytes:
    """Records, perhaps with something beside them."""
    reply = Reply(question)
    fill(script, reply, random, ASKED)
    if random.random() < 0.2:
        host = random.choice(script.names)
        reply.add(ASKED, NS, 600, host, 1)
        reply.add(host, A, 600, _address(script, random, 4), 2)
    return reply.wire()


def aliases(script: Script, question: Question, random: Random) -> bytes:
    """Aliases to known names, with records, nothing, or no such name at their end."""
    reply, owner = Reply(question), ASKED
    for _ in range(random.choice((1, 1, 2, 3, 9))):
        target = random.choice(script.names)
        reply.add(owner, CNAME, random.choice(TTLS), target)
        owner = target
    if random.random() < 0.75:
        fill(script, reply, random, owner)
    else:
        deny(reply, random)
    return reply.wire()


def deny(reply: Reply, random: Random, names: Sequence[int] = (NOERROR, NXDOMAIN)) -> None:
    """No records, or no such name; mostly with an SOA."""
    reply.rcode = random.choice(names)
    if random.random() < 0.85:
        numbers = pack("!IIIII", 1, 3600, 600, 86_400, random.choice(TTLS))
        reply.add(name_from_text("example"), SOA, random.choice(TTLS), b"\0\0" + numbers, 1)


def denied(_script: Script, question: Question, random: Random) -> bytes:
    """NXDOMAIN or NODATA."""
    reply = Reply(question)
    deny(reply, random)
    return reply.wire()


def services(script: Script, question: Question, random: Random) -> bytes:
    """Services with targets and hints, whatever was asked."""
    reply = Reply(question)
    for _ in range(random.choice((1, 2))):
        reply.add(ASKED, random.choice((HTTPS, SVCB)), random.choice(TTLS), service(script, random))
    return reply.wire()


def dname(script: Script, question: Question, random: Random) -> bytes:
    """A DNAME above the name, and the alias that follows from it."""
    label = question.name[0] + 1
    parent, target = question.name[label:], random.choice(script.names)
    reply = Reply(question)
    if parent:
        reply.add(parent, DNAME, 300, target)
        reply.add(ASKED, CNAME, 300, (question.name[:label] + target)[-255:])
    fill(script, reply, random, ASKED)
    return reply.wire()


def large(script: Script, question: Question, random: Random) -> bytes:
    """More than fits into what many clients take."""
    reply = Reply(question)
    fill(script, reply, random, ASKED, 60)
    for _ in range(random.randrange(30)):
        reply.add(ASKED, TXT, 60, bytes([100]) + random.randbytes(100), random.randrange(3))
    return reply.wire()


def heavy(script: Script, question: Question, random: Random) -> bytes:
    """An answer near the bound of effort, or above it; what is listed may stand at its end."""
    reply = Reply(question)
    count = random.choice((100, 130, 141, 142, 143, 144, 400))
    hints = b"".join(random.randbytes(4) for _ in range(count - 1)) + _address(script, random, 4)
    reply.add(ASKED, HTTPS, random.choice(TTLS), pack("!HBHH", 1, 0, 4, len(hints)) + hints)
    for _ in range(random.randrange(12)):
        reply.add(ASKED, HTTPS, 60, pack("!H", 1) + random.choice(script.names))
    return reply.wire()


def servfail(_script: Script, question: Question, random: Random) -> bytes:
    """A failure that the upstream tells."""
    return Reply(question, random.choice((SERVFAIL, SERVFAIL, REFUSED))).wire()


def contradiction(script: Script, question: Question, random: Random) -> bytes:
    """Records, or aliases alone, under an rcode that says that there are none."""
    reply = Reply(question, random.choice((NXDOMAIN, NXDOMAIN, YXDOMAIN, NOTAUTH)))
    if random.random() < 0.3:
        reply.add(ASKED, CNAME, 300, random.choice(script.names))
    else:
        fill(script, reply, random, ASKED)
    return reply.wire()


def referral(script: Script, question: Question, random: Random) -> bytes:
    """Other servers, with or without an SOA, AA, or an alias that leads there."""
    reply = Reply(question)
    zone, host = (
        name_from_text(random.choice(("example", ".", "elsewhere.test"))),
        random.choice(script.names),
    )
    if random.random() < 0.3:
        reply.add(ASKED, CNAME, 300, random.choice(script.names))
    if random.random() < 0.2:
        deny(reply, random, (NOERROR,))
    reply.add(zone, NS, 600, host, 1)
    reply.add(host, A, 600, _address(script, random, 4), 2)
    return reply.wire(random.choice((0x8180, 0x8180, 0x8180, 0x8580)))


def broken(script: Script, question: Question, random: Random) -> bytes:
    """An answer that was changed on its way."""
    return mutate(random, random.choice((plain, aliases, services))(script, question, random))


def foreign(script: Script, question: Question, random: Random) -> bytes:
    """An answer to another question."""
    other = Question(random.choice(script.names), question.qtype, 1, question.dnssec_ok, False)
    return plain(script, other, random)


SHAPES: tuple[Shape, ...] = (
    *(plain,) * 14,
    *(aliases,) * 7,
    *(denied,) * 4,
    *(services,) * 3,
    dname,
    large,
    heavy,
    servfail,
    contradiction,
    referral,
    broken,
    foreign,
)
UNSOUND = (broken, foreign)
