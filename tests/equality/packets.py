"""The clients of the equality course: queries of every kind, and what is no query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from random import Random
from struct import pack

from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.packet.unwrap import source_of
from filterd.dataplane.tables.addresses import Prefixes
from filterd.wire import cookie
from filterd.wire.names import name_from_text
from filterd.wire.proxy import SIGNATURE, ProxyProblem, parse_header
from tests.equality.grounds import SPECIAL
from tests.equality.recognition import OPTION_TEXTS, TLV_TEXTS
from tests.equality.script import ANY, DS, MX, NS, OPT, PTR, SOA, SRV, TXT
from tests.fuzz.packets import corpus, mutate
from tests.worlds.dns_answers import AAAA, CNAME, HTTPS, SVCB, A
from tests.worlds.policy import KEY
from tests.worlds.rate import wide

ACL = ("10.0.0.0/8", "127.0.0.0/8", "2001:db8::/32")
FRONTS = ("10.8.0.0/24", "198.51.100.7/32", "2001:db8:8::/48")
"""must send a PROXY header"""
SENDERS = ("10.9.0.0/24", "203.0.113.9/32", "2001:db8:9::/48", "198.51.100.7/32")
"""whose client subnet says who the client is"""
BINDINGS = (
    *(f"10.0.0.{host}/32" for host in range(1, 11)),
    "10.1.0.0/24",
    "10.0.0.4/30",
    "2001:db8:1::/56",
    "2001:db8:1:7::/64",
    "203.0.113.0/28",
)
"""prefixes that belong to lines"""
CLIENTS = tuple(
    wide(text)
    for text in (
        *(f"10.0.0.{host}" for host in range(1, 13)),
        "10.1.0.9",
        "10.1.0.200",
        "10.5.0.1",
        "10.5.0.2",
        "127.0.0.1",
        "2001:db8:1::5",
        "2001:db8:1:7::1",
        "2001:db8:5::1",
    )
)
OUTSIDE = tuple(wide(text) for text in ("203.0.113.4", "192.0.2.9", "2001:db9::1", "fe80::1"))
FRONT_PEERS = tuple(wide(text) for text in ("10.8.0.1", "10.8.0.2", "198.51.100.7", "2001:db8:8::1"))
SENDER_PEERS = tuple(wide(text) for text in ("10.9.0.1", "203.0.113.9", "2001:db8:9::1"))
MAPPED = bytes(10) + b"\xff\xff"

TYPES = (
    A,
    A,
    A,
    A,
    A,
    AAAA,
    AAAA,
    AAAA,
    HTTPS,
    HTTPS,
    SVCB,
    TXT,
    MX,
    NS,
    SOA,
    CNAME,
    PTR,
    SRV,
    ANY,
    DS,
    DS,
    99,
)
ODD_TYPES = (0, OPT, 46, 249, 250, 251, 252, 253, 254, 255, 256, 65280, 65535)
SIZES = (0, 100, 511, 512, 512, 1232, 1232, 1232, 1400, 4096, 4096, 65535)
RD, AD, CD, TC, AA, QR = 0x0100, 0x0020, 0x0010, 0x0200, 0x0400, 0x8000
LONGEST = 4096
"""bytes of a datagram: what a recorded packet may have"""
ASKED_AGAIN = 40
"""questions, some of them more than others"""
PORTS = (*range(0, 40, 3), 0x1234, 1024, 9088, 20_000)
SERVER_COOKIES = (0, 0, 0, 8, 16, 16, 16, 32, 33)
COOKIES = (*(41,) * 30, 3)
"""bytes of a cookie at most"""
COOKIE_AGES = (0, 0, 10, 1700, 1900, 3500, 3700, -200, -400)


@dataclass(frozen=True, slots=True)
class Case:
    """One datagram or, where ``tcp``, one message; ``peer`` has 16 bytes and is the client of a message."""

    packet: bytes
    peer: bytes
    tcp: bool = False
    front: Front | None = None
    """over TCP: who passed it on; of a datagram the header tells"""
    port: int = 0
    """over TCP: the client's"""


def joined(labels: Sequence[bytes]) -> bytes:
    """A name in wire form."""
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def mixed_case(random: Random, name: bytes) -> bytes:
    """The name in letters of any case."""
    return bytes(octet ^ 0x20 if 97 <= octet <= 122 and random.random() < 0.5 else octet for octet in name)


@dataclass(slots=True)
class Asker:
    """Makes the packets of one course. ``secrets``: those of cookies, empty for none."""

    random: Random
    names: Sequence[bytes]
    """wire form; what the policies speak of"""
    secrets: bytes
    tcp: float
    """what share comes over TCP"""
    asked: list[tuple[bytes, int]] = field(default_factory=list)
    """questions that are asked again and again"""
    kept: bytes = b""
    """a message that is sent again and again"""

    def __post_init__(self) -> None:
        self.asked = [(self.name(), self.random.choice(TYPES)) for _ in range(ASKED_AGAIN)]

    def case(self, number: int, now: int) -> Case:
        """The next one; ``number`` is the id of its message."""
        random = self.random
        kinds = random.choices(KINDS, SHARES)
        peer = random.choice(random.choices(PEERS, PEER_SHARES)[0])
        tcp = random.random() < self.tcp
        proxied = peer in FRONT_PEERS
        client = random.choice((*CLIENTS, *OUTSIDE, *SENDER_PEERS)) if proxied else peer
        message = kinds[0](self, number, client, now)
        if random.random() < 0.01:
            self.kept = message
        if len(message) > 1:
            message = number.to_bytes(2, "big") + message[2:]
        if not tcp and random.random() < (0.93 if proxied else 0.01):
            message = self.header(client) + message
        message = message[:LONGEST]
        return self.message_of(client, peer, message) if tcp else Case(message, peer)

    def message_of(self, client: bytes, peer: bytes, message: bytes) -> Case:
        """A message over TCP. If a front passed it on, its header came at the beginning of the connection."""
        if peer not in FRONT_PEERS:
            return Case(message, peer, True, None, self.port())
        while isinstance(header := parse_header(sent := self.header(client)), ProxyProblem):
            pass
        client, port = source_of(header, peer, self.port())
        return Case(message, client, True, Front(peer, sent), port)

    # ---- names and questions ----

    def name(self) -> bytes:
        """Any name, in lower case."""
        random, draw = self.random, self.random.random()
        if draw < 0.6:
            return random.choice(self.names)
        if draw < 0.85:
            return joined([random.choice(LABELS)])[:-1] + random.choice(self.names)
        if draw < 0.9:
            return name_from_text(random.choice((*SPECIAL, "id.server", "x.localhost", "_dns.resolver.arpa")))
        if draw < 0.93:
            return random.choice(EXTREMES)
        labels = [random.randbytes(random.randrange(1, 12)).lower() for _ in range(random.randrange(4))]
        return joined(labels)[:-1] + random.choice(self.names)

    def question(self) -> tuple[bytes, int]:
        """Mostly one that was asked before."""
        place = int(self.random.random() ** 2 * ASKED_AGAIN)
        if self.random.random() < 0.1:
            self.asked[place] = (self.name(), self.random.choice(TYPES))
        return self.asked[place]

    # ---- messages ----

    def ordinary(self, number: int, client: bytes, now: int) -> bytes:
        """A query as stubs and browsers send it."""
        name, qtype = self.question()
        flags = RD | self.random.choice((0, 0, 0, 0, 0, AD, AD, AD | CD))
        return self.message(number, flags, name, qtype, 1, client, now)

    def odd(self, number: int, client: bytes, now: int) -> bytes:
        """One that asks for what resolvers do not forward, or says things that it should not."""
        name, qtype = self.question()
        random = self.random
        flags = RD * (random.random() < 0.6) | random.choice((0, 0, TC, AA, QR, 0x0040, 0x000F))
        flags |= random.choice((0, 0, 0, 1, 2, 4, 5, 6, 15)) << 11
        qtype = random.choice((qtype, qtype, *ODD_TYPES))
        if random.random() < 0.3:
            name, qtype = name_from_text(random.choice(("id.server", "hostname.bind", "version.bind"))), TXT
        qclass = random.choice((1, 1, 3, 3, 4, 0, 254, 255))
        counts = random.choice(((1, 0, 0), (1, 0, 0), (0, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)))
        return self.message(number, flags, name, qtype, qclass, client, now, counts)

    def changed(self, number: int, client: bytes, now: int) -> bytes:
        """A query, or a packet of the fuzzers, with something changed."""
        made = self.ordinary(number, client, now)
        return mutate(self.random, self.random.choice((made, made, self.random.choice(PACKETS))))

    def again(self, _number: int, _client: bytes, _now: int) -> bytes:
        """A message of before once more."""
        return self.kept

    def noise(self, _number: int, _client: bytes, _now: int) -> bytes:
        """Bytes."""
        return self.random.randbytes(self.random.choice((0, 1, 2, 11, 12, 13, 40, 300)))

    def message(
        self,
        number: int,
        flags: int,
        name: bytes,
        qtype: int,
        qclass: int,
        client: bytes,
        now: int,
        counts: tuple[int, int, int] = (1, 0, 0),
    ) -> bytes:
        """A query with its EDNS; ``counts`` of questions, answers and authority records."""
        asked = mixed_case(self.random, name) + pack("!HH", qtype, qclass)
        option = self.edns(client, now) if self.random.random() < 0.75 else b""
        records = b"".join(b"\0" + pack("!HHIH", 1, 1, 5, 4) + bytes(4) for _ in range(sum(counts[1:])))
        extra = 1 if option else 0
        if option and self.random.random() < 0.01:
            option, extra = option + option, 2
        header = pack("!HHHHHH", number, flags, *counts, extra)
        return header + asked * counts[0] + records + option

    # ---- EDNS ----

    def edns(self, client: bytes, now: int) -> bytes:
        """An OPT record."""
        random = self.random
        version = random.choice((1, 2, 255)) if random.random() < 0.02 else 0
        flags = 0x8000 * (random.random() < 0.25) | random.getrandbits(15) * (random.random() < 0.02)
        options = random.choice((0, 0, 1, 1, 1, 2, 3))
        content = b"".join(self.option(client, now) for _ in range(options))
        owner = b"\1x\0" if random.random() < 0.005 else b"\0"
        extended = random.choice((1, 255)) if random.random() < 0.01 else 0
        size = random.choice(SIZES)
        return owner + pack("!HHBBHH", OPT, size, extended, version, flags, len(content)) + content

    def option(self, client: bytes, now: int) -> bytes:
        """One EDNS option."""
        code, content = self.random.choices(
            (
                (10, self.cookie(client, now)),
                (8, self.subnet()),
                (3, b""),
                (12, bytes(self.random.randrange(60))),
                (11, self.random.choice((b"", b"\0\1", b"\0"))),
                (15, b"\0\0hello"),
                (self.random.randrange(65536), self.random.randbytes(self.random.randrange(20))),
                (13, self.random.choice(self.names)),
                self.identity(),
            ),
            (6, 5, 2, 2, 1, 1, 1, 1, 6),
        )[0]
        size = len(content) + (1 if self.random.random() < 0.005 else 0)
        return pack("!HH", code, size) + content

    def cookie(self, client: bytes, now: int) -> bytes:
        """A cookie: ours, of any age and for this client or another, or somebody's."""
        random = self.random
        sent = bytes([random.randrange(3)]) * 8
        if self.secrets and random.random() < 0.5:
            owner = client if random.random() < 0.9 else random.choice(CLIENTS)
            return cookie.answer(self.secrets, sent, owner, now - random.choice(COOKIE_AGES))[1]
        return (sent + random.randbytes(random.choice(SERVER_COOKIES)))[: random.choice(COOKIES)]

    def identity(self) -> tuple[int, bytes]:
        """An identity that a front or a router adds, or that its client makes up."""
        code = self.random.choice(tuple(OPTION_TEXTS))
        return code, self.random.choice(OPTION_TEXTS[code])

    def port(self) -> int:
        """A client's port; 0 is none."""
        return self.random.choice(PORTS) if self.random.random() < 0.9 else self.random.randrange(65_536)

    def subnet(self) -> bytes:
        """A client subnet: whole addresses, shorter ones, and wrong ones."""
        random = self.random
        client = random.choice((*CLIENTS, *OUTSIDE))
        ipv4 = client.startswith(MAPPED)
        address, family = (client[12:], 1) if ipv4 else (client, 2)
        length = len(address) * 8 if random.random() < 0.6 else random.choice((0, 0, 24, 24, 24, 17, 32, 129))
        scope = 0 if random.random() < 0.98 else 8
        kept = bytearray(address[: (length + 7) // 8])
        if length % 8 and kept and random.random() < 0.95:
            kept[-1] &= 0xFF00 >> length % 8 & 0xFF
        family = family if random.random() < 0.98 else random.choice((0, 1, 2, 3))
        return pack("!HBB", family, length, scope) + kept

    # ---- PROXY ----

    def header(self, client: bytes) -> bytes:
        """The header of a front, seldom a wrong one."""
        random = self.random
        ipv4 = client.startswith(MAPPED) and random.random() < 0.9
        address = client[12:] if ipv4 else client
        command, family = 0x21, random.choice((0x11, 0x12)) if ipv4 else random.choice((0x21, 0x22))
        if random.random() < 0.05:
            command, family = random.choice(
                ((0x20, 0), (0x20, family), (0x21, 0x31), (0x21, 0), (0x11, family))
            )
        content = address + address + pack("!HH", self.port(), 53)
        for _ in range(random.choice((0, 0, 0, 1, 1, 3))):
            content += self.tlv()
        made = SIGNATURE + bytes([command, family]) + len(content).to_bytes(2, "big") + content
        return mutate(random, made) if random.random() < 0.06 else made

    def tlv(self) -> bytes:
        """A TLV of a header; seldom one that says more than there is."""
        text = self.random.choice(TLV_TEXTS)
        size = len(text) + (1 if self.random.random() < 0.02 else 0)
        return bytes([self.random.choice((3, 4, 0xE0, 0xE0, 0xE1))]) + pack("!H", size) + text


LABELS = (b"www", b"x", b"a" * 63, b"_443", b"\0", b"\xff\xfe", b"a.b", b"\xc3\xb1", b"*")
EXTREMES = (
    b"\0",
    joined([b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61]),
    joined([b"x"] * 127),
    joined([b"x"] * 120 + [b"example"]),
    joined([b"y" * 60] * 3 + [b"a", b"example"]),
)
PACKETS = tuple(packet for _, packet in sorted(corpus().items()) if len(packet) < LONGEST)
KINDS: tuple[Callable[[Asker, int, bytes, int], bytes], ...] = (
    Asker.ordinary,
    Asker.odd,
    Asker.changed,
    Asker.again,
    Asker.noise,
)
SHARES = (82, 6, 5, 6, 1)
PEERS = (CLIENTS, OUTSIDE, FRONT_PEERS, SENDER_PEERS)
PEER_SHARES = (80, 3, 10, 7)


def acl() -> Prefixes:
    return Prefixes(KEY, ACL)


def network(text: str) -> tuple[bytes, int]:
    """A prefix as the tables of addresses take it."""
    found = ip_network(text)
    return found.network_address.packed, found.prefixlen
