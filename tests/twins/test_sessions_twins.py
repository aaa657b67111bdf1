"""The native table of sessions and its receivers against the plain rules, message by message."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from filterd.accounting.evidence_reference import EventKind, ReferenceEvent
from filterd.accounting.session_view import SessionClaim, SessionView
from filterd.accounting.sessions_reference import ReferenceSessions
from filterd.disk.session_file import read_entries
from filterd.model.session import SessionSource
from tests.worlds.examples import examples
from tests.worlds.sessions import (
    STALE_AFTER,
    Clock,
    Receiver,
    claim,
    fingerprint,
    network,
    wide,
)

CLAIMS = [
    "192.0.2.1",
    "192.0.2.2",
    "198.51.100.0/30",
    "2001:db8:0:100::/56",
    "2001:db8:0:200::/56",
    "2001:db8:0:101::/64",
    "2001:db8:9::/64",
    "2001:db8:9::7",
]
RANGES = ["192.0.2.9:1024-2047", "192.0.2.9:2048-3071", "192.0.2.9:2000-2100", "192.0.2.1:1024-2047"]
ASKED = [
    *((wide(text), 0) for text in ("192.0.2.1", "192.0.2.2", "198.51.100.3", "2001:db8:0:101::7")),
    *((wide(text), 0) for text in ("2001:db8:0:2ff::1", "2001:db8:9::7", "2001:db8:9::8")),
    *((wide("192.0.2.9"), port) for port in (1024, 1999, 2047, 2048, 2101)),
    (wide("192.0.2.1"), 1024),
]
SUBSCRIBERS = ["ana", "luis", "eva"]
NASES = ["bng-1", "bng-2", "bng-3"]
SKEW = {"bng-1": 0.0, "bng-2": -3600.0, "bng-3": 1.0}
SESSIONS = ["a", "b", "c", "d"]
DELAYS = st.one_of(
    st.sampled_from([0.0, 0.0, 0.4, 1.0, 2.0, 5.0, 90.0, -3.0, -30.0, -86_000.0, -1e7, 3600.0, 3600.0]),
    st.floats(-4000, 8000),
)
WAITED = st.sampled_from([0, 0, 0, 1, 60, 3600, 90_000])
MESSAGES = st.sampled_from(
    [
        EventKind.START,
        EventKind.START,
        EventKind.INTERIM,
        EventKind.STOP,
        EventKind.CHANGE,
        EventKind.DISCONNECT,
    ]
)
TOLD = st.lists(st.sampled_from(CLAIMS + RANGES), max_size=4, unique=True)


def held(text: str) -> SessionClaim:
    address, length, ports = claim(text)
    return SessionClaim(address, length, ports)


def plain(view: SessionView | None) -> object:
    """A view without the order of its claims."""
    if view is None:
        return None
    return (
        frozenset(view.claims),
        view.line,
        view.source,
        view.kind,
        view.stamp,
        view.confirmed_at,
        view.until,
    )


class Machine(RuleBasedStateMachine):
    """A network tells both tables."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="sessions-"))
        self.path = self.directory / "sessions" / "live"
        self.clock = Clock()
        self.native = network(self.path, self.clock)
        self.model = ReferenceSessions(STALE_AFTER)
        self.receiver = Receiver()
        self.skew = dict(SKEW)
        self.sent: list[ReferenceEvent] = []

    @initialize(lines=st.sets(st.sampled_from(SUBSCRIBERS)))
    def begin(self, lines: set[str]) -> None:
        for subscriber in sorted(lines):
            self.register(subscriber)

    def apply(self, event: ReferenceEvent) -> None:
        """The same event to both."""
        give = (
            partial(self.native.table.give, arrival=event.arrival / 1000, delay=event.delay / 1000)
            if event.source is SessionSource.RADIUS
            else partial(self.native.table.put, source=int(event.source))
        )
        give(
            [(each.address, each.length, each.ports) for each in event.claims],
            subscriber=event.subscriber,
            session=event.session,
            nas=event.nas,
            stamp=event.stamp / 1000,
            lasts=event.lasts,
            kind=int(event.kind),
        )
        self.model.apply(event)
        if event.source is SessionSource.RADIUS:
            self.sent.append(event)

    @rule(
        kind=MESSAGES,
        session=st.sampled_from(SESSIONS),
        subscriber=st.sampled_from([*SUBSCRIBERS, ""]),
        nas=st.sampled_from(NASES),
        texts=TOLD,
        delay=DELAYS,
        lasts=st.sampled_from([STALE_AFTER, 600]),
        waited=WAITED,
    )
    def message(
        self,
        kind: EventKind,
        session: str,
        subscriber: str,
        nas: str,
        texts: list[str],
        delay: float,
        lasts: int,
        waited: int,
    ) -> None:
        now = round(self.clock.now * 1000)
        self.apply(
            ReferenceEvent(
                kind,
                SessionSource.RADIUS,
                _apart(texts),
                fingerprint(nas),
                fingerprint(nas + session),
                fingerprint(subscriber),
                now - round((delay + self.skew[nas]) * 1000),
                now,
                lasts,
                delay=waited * 1000,
            )
        )

    @rule(which=st.integers(0, 5))
    def again(self, which: int) -> None:
        """One of the last messages of NASes comes once more."""
        if which < len(self.sent):
            now = round(self.clock.now * 1000)
            self.apply(replace(self.sent[-1 - which], arrival=now))

    @rule(
        kind=st.sampled_from([EventKind.START, EventKind.DISCONNECT, EventKind.CHANGE, EventKind.STOP]),
        subscriber=st.sampled_from([*SUBSCRIBERS, ""]),
        text=st.sampled_from([*CLAIMS, ""]),
        delay=DELAYS,
    )
    def unnamed(self, kind: EventKind, subscriber: str, text: str, delay: float) -> None:
        now = round(self.clock.now * 1000)
        claims = (held(text),) if text else ()
        nas, nobody = fingerprint("bng-1"), bytes(16)
        stamp = now - round(delay * 1000)
        radius = SessionSource.RADIUS
        self.apply(
            ReferenceEvent(
                kind, radius, claims, nas, nobody, fingerprint(subscriber), stamp, now, STALE_AFTER
            )
        )

    @rule(
        source=st.sampled_from([SessionSource.LEASE, SessionSource.COMMAND]),
        subscriber=st.sampled_from(SUBSCRIBERS),
        texts=TOLD,
        kind=st.sampled_from([EventKind.START, EventKind.INTERIM, EventKind.STOP]),
        ago=st.sampled_from([0, 1, 100_000]),
        lasts=st.sampled_from([0, 60, 1_000_000]),
    )
    def put(
        self, source: SessionSource, subscriber: str, texts: list[str], kind: EventKind, ago: int, lasts: int
    ) -> None:
        now = round(self.clock.now * 1000)
        nas, session = fingerprint(source.word), fingerprint(source.word + subscriber)
        line, stamp = fingerprint(subscriber), now - ago * 1000
        self.apply(ReferenceEvent(kind, source, _apart(texts), nas, session, line, stamp, now, lasts, False))

    @rule(kind=st.sampled_from([EventKind.ON, EventKind.OFF]), nas=st.sampled_from(NASES), delay=DELAYS)
    def begins(self, kind: EventKind, nas: str, delay: float) -> None:
        now, nobody = round(self.clock.now * 1000), bytes(16)
        stamp = now - round((delay + self.skew[nas]) * 1000)
        radius = SessionSource.RADIUS
        self.apply(ReferenceEvent(kind, radius, (), fingerprint(nas), nobody, nobody, stamp, now, 0))

    @rule(subscriber=st.sampled_from(SUBSCRIBERS))
    def register(self, subscriber: str) -> None:
        line = SUBSCRIBERS.index(subscriber) + 7
        self.native.table.register(fingerprint(subscriber), line)
        self.model.lines[fingerprint(subscriber)] = line

    @rule(subscriber=st.sampled_from(SUBSCRIBERS))
    def forget(self, subscriber: str) -> None:
        self.native.table.forget(fingerprint(subscriber))
        self.model.lines.pop(fingerprint(subscriber), None)

    @rule(nas=st.sampled_from(NASES), seconds=st.sampled_from([-3600.0, 3600.0, -40.0]))
    def step(self, nas: str, seconds: float) -> None:
        """A clock is set."""
        self.skew[nas] += seconds

    @rule(seconds=st.sampled_from([0.3, 1.0, 11.0, 3.0, 61.0, 599.0, 1300.0, 7300.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def sweep(self) -> None:
        while self.native.table.sweep(3):
            pass
        self.native.table.sweep(100)
        self.model.sweep(self.clock.now)
        assert self.native.table.counts().live == len(self.model.records)

    @invariant()
    def every_address_has_the_same_owner(self) -> None:
        views = {
            each: self.model.view(session)
            for session, record in self.model.records.items()
            if self.model.is_live(record, self.clock.now)
            for each in record.claims
        }
        for address, port in ASKED:
            found = self.native.table.find(address, port)
            assert plain(found) == plain(_longest(views, address, port)), (address.hex(), port)

    @rule()
    def receivers_know_what_holds(self) -> None:
        """The one that follows, one that begins, one that reads the file, and the rules agree."""
        now, fresh, reader = self.clock.now, Receiver(), Receiver()
        self.receiver.follow(self.native.table, now)
        fresh.begin(self.native.table, now)
        for run in read_entries(self.path, now).runs:
            reader.take(run, now)
        wanted = {
            (each.address, each.length, 0, line)
            for each, line in self.model.live(now)
            if each.ports is None and line != 0
        }
        assert fresh.at(now) == reader.at(now)
        assert {(*place, line) for place, line in fresh.at(now).items() if place[2] == 0} == wanted
        followed = self.receiver.at(now)
        assert all(followed.get(place) == line for place, line in fresh.at(now).items())
        while self.native.table.sweep(100):  # of what a NAS ended, those who follow hear by the sweep
            pass
        self.model.sweep(now)
        self.receiver.follow(self.native.table, now)
        assert self.receiver.at(now) == fresh.at(now)

    def teardown(self) -> None:
        self.native.table.close()
        shutil.rmtree(self.directory)


def _apart(texts: list[str]) -> tuple[SessionClaim, ...]:
    """The claims that do not overlap with one before."""
    found: list[SessionClaim] = []
    for text in texts:
        fresh = held(text)
        ports = fresh.ports
        if ports is None or all(
            each.ports is None
            or each.address != fresh.address
            or each.ports[1] < ports[0]
            or ports[1] < each.ports[0]
            for each in found
        ):
            found.append(fresh)
    return tuple(found)


def _covers(claim: SessionClaim, address: bytes, port: int) -> bool:
    if claim.ports is not None:
        return claim.address == address and claim.ports[0] <= port <= claim.ports[1]
    behind = 128 - claim.length
    return int.from_bytes(claim.address, "big") >> behind == int.from_bytes(address, "big") >> behind


def _longest(views: dict[SessionClaim, SessionView], address: bytes, port: int) -> SessionView | None:
    """The session that has an address: its ports first, then the longest prefix."""
    covering = [each for each in views if _covers(each, address, port)]
    best = max(covering, key=lambda each: (each.ports is not None, each.length), default=None)
    return None if best is None else views[best]


TestSessions = Machine.TestCase
TestSessions.settings = settings(max_examples=examples(10), stateful_step_count=25, deadline=None)
