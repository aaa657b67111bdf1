"""Accounting events and the clocks of NASes in plain Python, for ``sessions_reference``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from filterd.accounting.session_view import SessionClaim
from filterd.model.session import SessionSource

DAY, HALF_WINDOW, MARGIN, AGREES, APART = 86_400_000, 600_000, 2_000, 5_000, 10_000
"""milliseconds"""
LATE = 60
"""half seconds by which a message of the same NAS may be overtaken"""
_MAPPED = bytes(10) + b"\xff\xff"

Mark = tuple[int, bool]
"""The second of a message, and whether it is a Start, which beats an Interim of the same second."""


class EventKind(IntEnum):
    """The kinds of events: EVENT_* of ``event.pxd``."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8
    DISCONNECT = 40
    CHANGE = 43


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
    """A NAS: the least that its messages took to arrive, by half windows, and when it began."""

    least: int | None = None
    least_before: int | None = None
    window: int = 0
    floor: int | None = None
    seen: int = 0
    took: int = 0
    proven: bool = False
    """its offset is known: its clock is right, or two messages, some time apart, took as long"""
    in_order: bool = False
    """what it tells comes in order: it is a lease file, or the commands"""

    @property
    def offset(self) -> int:
        """Milliseconds by which our clock is ahead of its own."""
        return min((each for each in (self.least, self.least_before) if each is not None), default=0)

    def sample(self, took: int, arrival: int) -> None:
        """Count a message."""
        if abs(took) <= AGREES:
            self.proven = True
        elif self.seen == 0 or abs(took - self.took) > MARGIN:
            self.seen, self.took = arrival, took
        elif arrival - self.seen >= APART:
            self.proven = True
        if self.least is None or arrival - self.window >= HALF_WINDOW:
            self.least_before = self.least if arrival - self.window < 2 * HALF_WINDOW else None
            self.least, self.window = None, arrival
        self.least = took if self.least is None else min(self.least, took)

    def has_ended(self, stamp: int) -> bool:
        """True for evidence of before it began anew."""
        return self.floor is not None and stamp <= self.floor
