"""From accounting packets to the line of a query, beside a model and beside the truth.

NASes with clocks of their own give addresses to lines and take them back. Their packets are lost, sent again
until they are answered, doubled, late and out of order. What arrives goes through all native parts: the
receiver, the table of sessions, frames of the stream, the resolver's tables, and the stages of a query. The
model is the readable reference of the packets and of the rules, and it gets the same packets. A client is
never taken for another line than the model's. It may be unknown where the model knows it in one case: an end
is sent anew only once less than three quarters of it are left, so a line whose next packets are then lost is
forgotten in the last quarter of ``stale_after``. The shares against the truth are printed for each rate of
loss.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, ip_address
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.accounting import radius_reference
from filterd.accounting.evidence_reference import EventKind, ReferenceEvent
from filterd.accounting.radius_types import LineRule, RadiusClient
from filterd.accounting.receiver import Receiver
from filterd.accounting.recorded import take
from filterd.accounting.session_view import SessionClaim
from filterd.accounting.sessions import Sessions
from filterd.accounting.sessions_reference import ReferenceSessions
from filterd.dataplane.nodestate.known_sessions import KnownSessions
from filterd.dataplane.packet.plane_types import SessionTables
from filterd.model.identity import IdentityKind, identity_input
from filterd.model.session import SessionSource
from filterd.policy.fingerprint import fingerprint
from filterd.wire.session_stream import ENTRY_SIZE, FRAME_SIZE, MOST_ENTRIES, Frame, FrameKind
from tests.worlds.examples import examples
from tests.worlds.identities import TICKS, Known, query
from tests.worlds.measured import noted
from tests.worlds.policy import KEY, NOW
from tests.worlds.radius_packets import Attributes, plain, signed
from tests.worlds.rate import wide
from tests.worlds.sessions import BEGIN, INTERIM, START, STOP, Clock

pytestmark = pytest.mark.ring("night")

SECRET = b"a secret of this world"
SENDER = wide("192.0.2.7")
CLIENT = RadiusClient(IPv4Network("192.0.2.0/24"), SECRET)
RULE = LineRule(0, 1, ("realm",))
LOSSES = (0.0, 0.02, 0.1, 0.3)
NASES = {"bras-1": 0, "bras-2": -47, "bras-3": 3600}
"""seconds by which its clock is ahead"""
STALE_AFTER, INTERVAL = 600, 200
WAITS = (3, 5, 9, 15, 30)
"""seconds after which a NAS sends again; then it gives up"""
SECONDS = 12_000
LATEST = 70
"""seconds after which nothing of a packet is on its way any more"""


@dataclass(frozen=True)
class Shape:
    """How the network behaves."""

    loss: float
    lines: int = 12
    pool: int = 5
    """addresses of each NAS"""
    rest: float = 0.0
    """seconds for which an address is nobody's after a session; 0: until somebody wants it"""
    doubled: float = 0.05
    broken: float = 0.01
    """share of moments in which the stream breaks, and begins anew later"""


@dataclass
class Session:
    """A session as it is."""

    line: int
    name: str
    nas: str
    host: int
    ends: float

    @property
    def addresses(self) -> tuple[str, str]:
        """IPv4, and a client in the prefix that is delegated."""
        place = list(NASES).index(self.nas)
        return f"10.{place}.0.{self.host + 1}", f"2001:db8:{place}:{self.host + 1:x}00::5"


class Chain:
    """Receiver, table, stream, tables of the resolver and stages of a query, with the model beside them."""

    def __init__(self, lines: int) -> None:
        self.clock = Clock()
        self._lines = lines
        self._table = Sessions(None, KEY, 10_000, STALE_AFTER, self.clock)
        self._receiver = Receiver(self._table, KEY)
        self._receiver.configure([CLIENT], RULE, STALE_AFTER)
        self._model = ReferenceSessions(STALE_AFTER)
        self._known = Known(lines)
        self._known.publish()
        self._tables = KnownSessions()
        self._place = (0, 0)
        self._told: dict[SessionClaim, tuple[int, int]] = {}
        """line and end by the model, when the stream was last read"""
        for line in range(1, lines + 1):
            subscriber = fingerprint(KEY, identity_input(IdentityKind.SUBSCRIBER, b"S-%d" % line))
            self._table.register(subscriber, line)
            self._model.lines[subscriber] = line

    def close(self) -> None:
        self._table.close()
        self._known.close()

    def receive(self, packet: bytes, arrival: float) -> bool:
        """A packet comes in at the receiver and at the model; True if it is answered."""
        self.clock.now = arrival
        at = round(arrival * 1000)
        (answer,) = take(self._receiver, [(SENDER, packet)], at)
        judged = radius_reference.judge(packet, CLIENT, RULE, KEY, SENDER, at)
        assert answer == judged.answer
        event = judged.event
        if event is not None:
            claims = tuple(SessionClaim(address, length) for address, length in event.claims)
            self._model.apply(
                ReferenceEvent(
                    EventKind(event.kind),
                    SessionSource.RADIUS,
                    claims,
                    event.nas,
                    event.session,
                    event.line,
                    event.stamp,
                    event.arrival,
                    STALE_AFTER,
                    event.stamped,
                    delay=event.delay,
                )
            )
        return answer is not None

    def follow(self, *, broken: bool) -> None:
        """The resolver takes what the stream has; ``broken``: it connects anew first, without a memory."""
        if broken:
            self._place = (0, 0)
        self._table.sweep(1_000)
        for frame, entries in self._frames():
            if frame.kind is FrameKind.BEGIN:
                self._tables = KnownSessions()
            self._tables.apply(entries, self._ticks)
            self._place = (frame.stream, frame.sequence)
        now = self.clock.now
        self._told = {
            claim: (self._model.lines.get(record.subscriber, 0), record.until)
            for record in self._model.records.values()
            if self._model.is_live(record, now)
            for claim in record.claims
        }
        tables = SessionTables(self._tables.addresses, self._tables.ports, ready=True, used=True)
        self._known.native.use_sessions(tables)

    def _frames(self) -> Iterator[tuple[Frame, bytes]]:
        """What control sends, as bytes that are read again."""
        for kind, sequence, entries in self._sent():
            head = Frame(kind, sequence, self._table.stream, len(entries) // ENTRY_SIZE, complete=True)
            text = head.to_bytes() + entries
            yield Frame.from_bytes(text[:FRAME_SIZE]), text[FRAME_SIZE:]

    def _sent(self) -> Iterator[tuple[FrameKind, int, bytes]]:
        stream, at = self._place
        found = self._table.changes(at, MOST_ENTRIES) if stream == self._table.stream else None
        if found is None:
            at, cursor = self._table.sequence, 0
            yield FrameKind.BEGIN, at, b""
            while True:
                cursor, entries = self._table.full(cursor, MOST_ENTRIES)
                yield FrameKind.FULL, at, entries
                if not cursor:
                    break
            yield FrameKind.END, at, b""
        while (found := self._table.changes(at, MOST_ENTRIES)) is not None and found[1]:
            at = found[0]
            yield FrameKind.CHANGE, at, found[1]
        assert found is not None

    @property
    def _ticks(self) -> int:
        return TICKS + int(self.clock.now - BEGIN)

    def line(self, client: str) -> int:
        """The line that a query of the client is decided by; 0 for none."""
        blocked = [
            number
            for number in range(1, self._lines + 1)
            if isinstance(
                self._known.native.receive(
                    query(f"l{number}.example"), wide(client), False, NOW, self._ticks
                ),
                bytes,
            )
        ]
        assert len(blocked) <= 1
        return blocked[0] if blocked else 0

    def model(self, client: str) -> tuple[int, int]:
        """The same by the model, as of when the stream was last read, and the seconds that are left."""
        packed, length = wide(client), 128
        if ":" in client:
            packed, length = packed[:7] + bytes(9), 56
        line, until = self._told.get(SessionClaim(packed, length), (0, 0))
        left = until - int(self.clock.now)
        return (line, left) if left > 0 else (0, 0)


@dataclass
class Provider:
    """The network: who has which address, and what is to happen."""

    shape: Shape
    chance: random.Random
    chain: Chain
    now: float = BEGIN
    owners: dict[tuple[str, int], Session] = field(default_factory=dict)
    rests: dict[tuple[str, int], float] = field(default_factory=dict)
    events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    seen: Counter[str] = field(default_factory=Counter)

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Have something happen then."""
        heapq.heappush(self.events, (when, next(self.numbers), what))

    def tell(self, session: Session, status: int) -> None:
        """Send a packet, until it is answered."""
        stamp = int(self.now + NASES[session.nas])
        self._send(session, status, stamp, self.now, 0)

    def _send(self, session: Session, status: int, stamp: int, first: float, tries: int) -> None:
        """One try. A NAS that sends again says how long it has tried, under another number."""
        packet = self._packet(session, status, stamp, int(self.now - first))
        answered = [False]
        if tries < len(WAITS):
            self.at(
                self.now + WAITS[tries], partial(self._again, answered, session, status, stamp, first, tries)
            )
        copies = 2 if self.chance.random() < self.shape.doubled else 1
        for _ in range(copies):
            if self.chance.random() >= self.shape.loss:
                self.at(
                    self.now + min(self.chance.expovariate(3), 5), partial(self._arrive, packet, answered)
                )

    def _again(
        self, answered: list[bool], session: Session, status: int, stamp: int, first: float, tries: int
    ) -> None:
        if not answered[0]:
            self._send(session, status, stamp, first, tries + 1)

    def _arrive(self, packet: bytes, answered: list[bool]) -> None:
        assert self.chain.receive(packet, self.now)
        answered[0] = answered[0] or self.chance.random() >= self.shape.loss

    def _packet(self, session: Session, status: int, stamp: int, delay: int) -> bytes:
        four, six = (ip_address(each).packed for each in session.addresses)
        values: Attributes = [
            (40, status.to_bytes(4, "big")),
            (1, b"S-%d@isp.example" % session.line),
            (32, session.nas.encode()),
            (44, session.name.encode()),
            (8, four),
            (123, b"\0\x38" + six[:7] + b"\0"),
            (55, stamp.to_bytes(4, "big")),
            (41, delay.to_bytes(4, "big")),
        ]
        return signed(plain(4, values, next(self.numbers) & 255), SECRET)

    def come(self) -> None:
        """A line dials in, gets an address that is free, and its modem will dial in again."""
        self.at(self.now + self.chance.expovariate(1 / 40), self.come)
        nas = self.chance.choice(list(NASES))
        free = [
            host
            for host in range(self.shape.pool)
            if (nas, host) not in self.owners and self.rests.get((nas, host), 0.0) <= self.now
        ]
        online = {each.line for each in self.owners.values()}
        lines = [line for line in range(1, self.shape.lines + 1) if line not in online]
        if not free or not lines:
            return
        ends = self.now + self.chance.expovariate(1 / 900)
        name = f"s{next(self.numbers)}"
        session = Session(self.chance.choice(lines), name, nas, self.chance.choice(free), ends)
        self.owners[nas, session.host] = session
        self.tell(session, START)
        self.at(ends, partial(self.leave, session))
        self.at(self.now + INTERVAL, partial(self.stay, session))

    def stay(self, session: Session) -> None:
        """The session goes on."""
        if self.now < session.ends:
            self.tell(session, INTERIM)
            self.at(self.now + INTERVAL, partial(self.stay, session))

    def leave(self, session: Session) -> None:
        """The session ends; another line may have the address at once."""
        del self.owners[session.nas, session.host]
        self.rests[session.nas, session.host] = self.now + self.shape.rest
        self.tell(session, STOP)
        if self.chance.random() < 0.5:
            self.come()

    def look(self) -> None:
        """Ask as every client that there may be."""
        self.at(self.now + self.chance.expovariate(1 / 12), self.look)
        self.chain.clock.now = self.now
        broken = self.chance.random() < self.shape.broken
        if not broken and self.chance.random() < 0.9:
            self.chain.follow(broken=False)
        elif broken:
            self.chain.follow(broken=True)
        for nas in NASES:
            for host in range(self.shape.pool):
                owner = self.owners.get((nas, host))
                for client in Session(0, "", nas, host, 0.0).addresses:
                    self._judge(client, 0 if owner is None else owner.line)

    def _judge(self, client: str, truth: int) -> None:
        said, (expected, left) = self.chain.line(client), self.chain.model(client)
        early = said == 0 and left <= STALE_AFTER / 4
        assert said == expected or early, f"{client} is line {said}; by what was received it is {expected}"
        if said == truth:
            self.seen["right" if said else "free"] += 1
        elif said:
            self.seen["wrong" if truth else "gone"] += 1
        else:
            self.seen["unknown"] += 1


def simulate(seed: int, shape: Shape, seconds: float) -> Counter[str]:
    """So many seconds of the network; moments of clients by what they were taken for."""
    chain = Chain(shape.lines)
    provider = Provider(shape, random.Random(seed), chain)
    for _ in range(shape.lines):
        provider.at(BEGIN + provider.chance.random(), provider.come)
    provider.at(BEGIN + 1, provider.look)
    try:
        while provider.events and provider.events[0][0] < BEGIN + seconds:
            provider.now, _, what = heapq.heappop(provider.events)
            what()
    finally:
        chain.close()
    return provider.seen


def shares(seen: Counter[str]) -> str:
    """The shares of clients that have a line, or are taken for one."""
    words = {
        "right": "right",
        "unknown": "unknown",
        "wrong": "another line's",
        "gone": "left, and nobody's yet",
    }
    whole = sum(seen[each] for each in words)
    return ", ".join(f"{word} {100 * seen[each] / whole:.2f} %" for each, word in words.items())


shapes = st.builds(
    Shape,
    loss=st.sampled_from([0.0, 0.05, 0.3, 0.7]),
    lines=st.integers(2, 12),
    pool=st.integers(1, 4),
    rest=st.sampled_from([0.0, 60.0]),
    doubled=st.sampled_from([0.0, 0.5]),
    broken=st.sampled_from([0.0, 0.2]),
)


@settings(max_examples=examples(10), deadline=None)
@given(seed=st.integers(0, 2**32), shape=shapes)
def test_nobody_is_ever_taken_for_another_line_than_the_models(seed: int, shape: Shape) -> None:
    simulate(seed, shape, 1500)


@pytest.mark.parametrize("loss", LOSSES)
def test_shares_of_right_unknown_and_wrong(loss: float) -> None:
    seen = simulate(15, Shape(loss), SECONDS)
    noted(f"sessions, {loss:.0%} of accounting packets lost, addresses given again at once: {shares(seen)}")
    assert seen["right"] > seen["unknown"] > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_where_addresses_rest_until_a_session_is_stale_nobody_is_wrong(loss: float) -> None:
    seen = simulate(16, Shape(loss, rest=STALE_AFTER + LATEST), SECONDS)
    noted(f"sessions, {loss:.0%} lost, addresses rest longer than stale_after: {shares(seen)}")
    assert seen["right"] > 0
    assert seen["wrong"] == 0
