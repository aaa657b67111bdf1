"""A notice to a line's holder: something was changed, and this is how it is told.

A notice holds facts in ids, numbers and times, never a name that the line blocks or allows, and nothing of
what anybody visits. Its text is made of them when it is sent or shown (``operations.notices.texts``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class NoticeState(StrEnum):
    """The fate of a notice."""

    WAITING = "waiting"
    """a receiver has not taken it yet"""
    DELIVERED = "delivered"
    """every receiver has taken it"""
    FAILED = "failed"
    """a receiver did not take it in the time that there is for it"""
    KEPT = "kept"
    """no receiver wanted it: a person tells the holder"""


FIELDS: dict[str, frozenset[str]] = {
    "opt_in": frozenset({"profile"}),
    "opt_out": frozenset(),
    "profile": frozenset({"profile"}),
    "pause": frozenset({"until"}),
    "resume": frozenset(),
    "choices": frozenset({"closed", "opened"}),
    "plan": frozenset({"hours", "holidays"}),
    "closing": frozenset({"until", "closed"}),
    "reopened": frozenset(),
    "own_names": frozenset({"blocked", "allowed"}),
    "security_left": frozenset(),
    "security_back": frozenset(),
    "zone": frozenset({"zone"}),
    "evidence": frozenset(),
    "pin_set": frozenset(),
    "pin_reset": frozenset(),
    "pin_tries": frozenset(),
    "transferred": frozenset(),
    "cancelled": frozenset(),
    "moved": frozenset(),
    "reassigned": frozenset(),
    "profile_changes": frozenset({"profile", "difference", "day"}),
    "profile_changed": frozenset({"profile", "difference"}),
}
"""kind of notice -> the fields that its sentence may have"""


@dataclass(frozen=True, slots=True)
class HolderNotice:
    """A notice as it is stored."""

    number: int
    """its place among those that are stored now"""
    id: str
    """never given out twice: a receiver knows by it what it had before"""
    line: int
    subscriber: str
    kind: str
    """a key of :data:`FIELDS`"""
    at: float
    """the time of the change, in Unix seconds"""
    state: NoticeState
    facts: dict[str, Any] = field(default_factory=dict)
    told: str = ""
    """the text as it was first sent: JSON; empty until then"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way to one receiver."""

    notice: int
    webhook: str
    failed: bool
    """the receiver is not asked again by itself"""
    attempts: int
    next_at: float
    """Unix seconds"""
    trouble: str
    """why the last attempt failed; empty before one has"""
