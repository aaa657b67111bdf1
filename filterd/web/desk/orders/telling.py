"""Tells what is due in the words of a page: how long still, or how long since."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.due_item import DueItem, DueKind
from filterd.model.time_left import time_left
from filterd.web.pages.translations import Words


@dataclass(frozen=True, slots=True)
class ToldItem:
    """An item with its words."""

    item: DueItem
    left: str
    """*en 2 h 10 min*, *hace 3 días*"""
    when: str
    level: str
    """``bad`` late, ``warn`` within a day, ``good`` later"""


SOON = 86_400
FAR = 150 * 86_400
"""seconds from which on a day is told with its year"""
BEGINNINGS = frozenset((DueKind.ROSTER_GAP, DueKind.ROSTER_NOTICE, DueKind.HOLD_ENDS))
"""the kinds that are due just before something begins or ends: that moment is told, not the second before"""


def told(item: DueItem, now: float, words: Words, zone: str) -> ToldItem:
    """The item in the words of a language, by the clock of a zone."""
    left = item.seconds_left(now)
    level = "bad" if left <= 0 else "warn" if left <= SOON else "good"
    at = item.due_at + 1 if item.kind in BEGINNINGS else item.due_at
    when = words.moment(at, zone)
    if abs(left) > FAR:
        when = words.day(at, zone=zone)
    return ToldItem(item, said_left(left, words), when, level)


def said_left(seconds: float, words: Words) -> str:
    """A stretch of time in words."""
    found = time_left(seconds)
    kind = "late" if found.late else "left"
    if found.unit == "days":
        return words.count(f"duty.{kind}.days", found.days)
    if found.unit == "hours":
        return words.text(f"duty.{kind}.hours", hours=found.hours, minutes=found.minutes)
    return words.text(f"duty.{kind}.minutes", minutes=found.minutes)
