"""Accounting events and the clocks of NASes in plain Python, for ``sessions_reference``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NamedTuple

from filterd.accounting.session_view import SessionClaim
from filterd.model.session import SessionSource

DAY, HALF_WINDOW, MARGIN, AGREES, APART = 86_400_000, 600_000, 2_000, 5_000, 10_000
BEHIND, RETRIED = 30_000, 120_000
"""milliseconds; their meaning stands in ``evidence.pxd``"""
LATE = 60
"""half seconds by which a message of the same NAS may be overtaken"""
_MAPPED = bytes(10) + b"\xff\xff"


class Mark(NamedTuple):
    """The time of a message in the order of its NAS."""

    second: int
    start: bool
    """a Start beats an Interim of the same second"""
    doubtful: bool = False
    """it was sent then or before"""

    def or_newer(self, other: Mark | None) -> Mark:
        """The newer of two."""
        return other if other is not None and other[:2] > self[:2] else self


class EventKind(IntEnum):
    """The kinds of events: EVENT_* of ``event.pxd``."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8
    DISCONNECT = 40
    CHANGE = 43


class Contest(Enum):
    """The outcome of a claim."""

    WON = 1
    REFUSED = 2
    CONTRADICTED = 3


class SessionEnd(Enum):
    """How a Stop ends its session."""

    NOT_AT_ALL = b""
    FOR_GOOD = b"for good"
    UNTIL_MORE = b"until more"
    """until evidence that is newer than its arrival"""


@dataclass(frozen=True, slots=True)
class ReferenceEvent:
    """An accounting event; times in milliseconds. Claims lie within bounds and are masked."""

    kind: EventKind
    source: SessionSource
    claims: tuple[SessionClaim, ...]
    nas: bytes
    session: bytes
    subscriber: bytes
    stamp: int
    arrival: int
    lasts: int
    stamped: bool = True
    refused_kinds: frozenset[int] = frozenset()
    """kinds of addresses that it names and that its sender may not claim"""
    delay: int = 0


@dataclass(slots=True)
class ToldEvent:
    """An event, and the time that it tells of."""

    event: ReferenceEvent
    stamp: int
    early: int
    """the earliest that it can have happened, by the clock of its NAS"""
    latest: int
    """the latest"""
    old: bool
    subscriber: bytes
    session: object
    doubtful: bool = False
    ahead: bool = False
    """its arrival, less its delay, stands for a stamp that was ahead"""

    @property
    def mark(self) -> Mark:
        """The evidence's place in the order of its NAS."""
        return Mark(self.latest // 1000, self.event.kind is EventKind.START, self.doubtful)

    @property
    def earliest(self) -> Mark:
        """The oldest that its mark can be."""
        return Mark(self.early // 1000, self.event.kind is EventKind.START)


def kind_of(claim: SessionClaim) -> int:
    """The kind of address, by rule 8."""
    if claim.ports is not None or (claim.length >= 96 and claim.address.startswith(_MAPPED)):
        return 0
    return 1 if claim.length == 128 else 2 if claim.length >= 64 else 3


def contradicts(one: SessionClaim, other: SessionClaim) -> bool:
    """True where two sessions cannot have both: the same prefix, or ports of one address in common."""
    if one.ports is None or other.ports is None:
        return one == other
    return one.address == other.address and one.ports[0] <= other.ports[1] and other.ports[0] <= one.ports[1]


@dataclass(slots=True)
class NasClock:
    """A NAS: its clock, the least that its messages took to arrive, by half windows, and when it began."""

    least: int | None = None
    least_before: int | None = None
    window: int = 0
    floor: int | None = None
    seen: int | None = None
    """arrival of the message that `took`, which does not fit the clock that is known"""
    took: int = 0
    newest: int = 0
    """the newest stamp that it sent, not shifted"""
    shift: int = 0
    """milliseconds that are added to its stamps, so that they go by our clock"""
    base: int = 0
    """the offset when it was proven"""
    proven: bool = False
    """its clock is right, or two messages, some time apart, took as long"""
    in_order: bool = False
    """what it tells comes in order: it is a lease file, or the commands"""

    @property
    def offset(self) -> int:
        """Milliseconds by which our clock is ahead of its own, the shift aside."""
        return min((each for each in (self.least, self.least_before) if each is not None), default=0)

    def believe(self, took: int, arrival: int, *, delayed: bool) -> bool:
        """Count a message that took so long by its stamp. False: the stamp is ahead of the clock."""
        offset, rest, good = self.offset, took - self.shift, took >= -AGREES
        if not self.proven and abs(took) <= AGREES:
            self.proven, offset = True, took
        if self.proven:
            good = rest >= min(offset, self.base) - AGREES
            if good and rest <= offset + BEHIND:
                self.seen = None
                self.count_least(rest, arrival, delayed=delayed)
                return True
        if self.proves(took, arrival):
            self.set_clock(min(took, self.took), arrival, shifted=self.proven or not good)
            return True
        if good and not self.proven:
            self.count_least(rest, arrival, delayed=delayed)
        return good

    def count_least(self, rest: int, arrival: int, *, delayed: bool) -> None:
        """Count a message that fits in the offset; of those that waited only where there are no others."""
        age = arrival - self.window
        if delayed and self.least is not None and age < 2 * HALF_WINDOW:
            return
        if self.least is None or age >= HALF_WINDOW:
            if self.least is not None:
                self.least_before = self.least if age < 2 * HALF_WINDOW else self.offset
            self.least, self.window = None, arrival
        self.least = rest if self.least is None else min(self.least, rest)

    def proves(self, took: int, arrival: int) -> bool:
        """True where two messages agree on another clock; what seems late by that is passed over."""
        if self.seen is not None and abs(took - self.took) <= MARGIN:
            return arrival - self.seen >= APART
        late = self.seen is not None and MARGIN < took - self.took <= RETRIED
        if self.seen is None or not late or arrival - self.seen >= HALF_WINDOW:
            self.seen, self.took = arrival, took
        return False

    def set_clock(self, took: int, arrival: int, *, shifted: bool) -> None:
        """Take another clock; ``shifted``: by whole seconds, so that the offset stays as it is."""
        if shifted:
            offset = self.offset if self.proven else 0
            self.shift += (took - self.shift - offset) // 1000 * 1000
        self.proven, self.seen, self.window = True, None, arrival
        self.base = took - self.shift
        self.least, self.least_before = self.base, None

    def has_ended(self, stamp: int) -> bool:
        """True for evidence of before it began anew."""
        return self.floor is not None and stamp <= self.floor


@dataclass(frozen=True, slots=True)
class Evidence:
    """The newest that is known of an address nobody has."""

    mark: Mark
    nas: bytes
    subscriber: bytes | None
    """None: two that contradict each other"""


@dataclass(slots=True)
class SessionRecord:
    """A session."""

    nas: bytes
    subscriber: bytes
    stamp: int
    source: SessionSource
    kind: EventKind = EventKind.START
    confirmed: int = 0
    until: int = 0
    claims: dict[SessionClaim, Mark] = field(default_factory=dict)
