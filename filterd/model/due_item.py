"""One thing that is due at the duty desk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DueKind(StrEnum):
    """The kinds of what is due, in the words of commands."""

    ENFORCE = "enforce"
    REPORT = "report"
    UNBLOCK = "unblock"
    RECONFIRM = "reconfirm"
    REVIEW = "review"
    APPROVAL = "approval"
    """another person stands behind the order, or it is not enforced"""
    EMERGENCY_REVIEW = "emergency_review"
    REQUEST = "request"
    """a request of an authority without an outcome"""
    COMPLAINT = "complaint"
    """somebody asked to look at a mandatory block again"""
    EFFECT = "effect"
    """a review was upheld, and nothing has followed yet"""
    LIST_HELD = "list_held"
    """a list of an authority, or another, is held back for a person"""
    HOLD_ENDS = "hold_ends"
    """a preservation hold ends by itself"""
    ROSTER_GAP = "roster_gap"
    ROSTER_NOTICE = "roster_notice"
    """the authority is told of a change of officer a day ahead (LMTR 183-IV)"""
    HAND_OVER = "hand_over"
    """nobody has read what an officer wrote"""
    ANCHOR = "anchor"
    KEY = "key"
    ALARM = "alarm"
    """an alarm that a channel has not taken"""


@dataclass(frozen=True, slots=True)
class DueItem:
    """Something to do, without the name of any site. Times are Unix seconds."""

    kind: DueKind
    reference: str
    """``O-7``, ``P-3``, ``R-…``, the id of a list: what it is about"""
    due_at: int
    """the last second in which it is done in time"""
    authority: str = ""
    note: str = ""
    """further words: a ground, a state, an account"""
    path: str = ""
    """the page where the next thing is done"""
    command: str = ""
    """the command that does it"""
    hours: bool = True
    """False: a day is meant, not an hour"""

    def overdue(self, now: float) -> bool:
        """True once it is late."""
        return now >= self.due_at + 1

    def seconds_left(self, now: float) -> int:
        """The seconds until it is late; negative: since."""
        return self.due_at + 1 - int(now)
