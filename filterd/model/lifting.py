"""Liftings: what one person takes off every line's filtering for a while, and what ends by itself.

An *exception* lifts the lists for one name, a *suspension* all parental filtering. Neither touches an order,
a mandatory list or a line's own block names. Each has a moment at which it was made and one at which it ends:
it holds between the two only, whatever a machine's clock says later.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from filterd.model.rule import Scope

MAX_EXCEPTION = 7 * 86400
"""seconds; what is to stay belongs into the lists or their entries"""
MAX_SUSPENSION = 86400
"""seconds; lines that should see no restriction opt out"""
MAX_LIFTINGS = 1000
"""in force at one time: each is on every node, beside the snapshot"""
CLOCK_SKEW = 3600
"""seconds by which the clocks of two machines may differ"""
SUSPENSION_LIMIT = MAX_SUSPENSION + CLOCK_SKEW
"""seconds ahead of a suspension's end at which it does not hold: a wrong clock wrote it, or reads it"""


class LiftingKind(StrEnum):
    """The two kinds of liftings."""

    EXCEPTION = "exception"
    SUSPENSION = "suspension"

    @property
    def longest(self) -> int:
        """Seconds that one of this kind may last."""
        return MAX_EXCEPTION if self is LiftingKind.EXCEPTION else MAX_SUSPENSION


def is_suspended(suspended_until: int, now: int) -> bool:
    """Return whether a suspension with this end holds at ``now``, both in Unix seconds; 0: none."""
    return 0 < suspended_until - now <= SUSPENSION_LIMIT


@dataclass(frozen=True, slots=True)
class Term:
    """The time for which a lifting holds, in Unix seconds; ``until`` is exclusive."""

    made_at: int
    until: int

    def holds(self, kind: LiftingKind, now: int) -> bool:
        """Return whether it holds at ``now``. One that would last longer than any may was altered or written
        by a wrong clock, and does not; nor does one that is made in the future."""
        sound = 0 < self.until - self.made_at <= kind.longest
        return sound and self.made_at - CLOCK_SKEW <= now < self.until


@dataclass(frozen=True, slots=True)
class Lifting:
    """One lifting as the store has it. ``number`` is never used again."""

    number: int
    kind: LiftingKind
    name: str
    """canonical, of an exception; empty for a suspension"""
    scope: Scope
    reason: str
    made_by: str
    made_at: int
    until: int
    ended_by: str = ""
    """who ended it before its time; empty where nobody did"""
    ended_at: int = 0

    @property
    def term(self) -> Term:
        """The time for which it holds, unless somebody ended it."""
        return Term(self.made_at, self.until)

    def holds(self, now: int) -> bool:
        """Return whether it is in force at ``now``."""
        return not self.ended_at and self.term.holds(self.kind, now)
