"""Tells what is due in the words of a page: how long still, or how long since."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.due_item import DueItem
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


def told(item: DueItem, now: float, words: Words, zone: str) -> ToldItem:
    """The item in the words of a language, by the clock of a zone."""
    left = item.seconds_left(now)
    level = "bad" if left <= 0 else "warn" if left <= SOON else "good"
    return ToldItem(item, said_left(left, words), words.moment(item.due_at, zone), level)


def said_left(seconds: float, words: Words) -> str:
    """A stretch of time in words."""
    found = time_left(seconds)
    kind = "late" if found.late else "left"
    if found.unit == "days":
        return words.count(f"duty.{kind}.days", found.days)
    if found.unit == "hours":
        return words.text(f"duty.{kind}.hours", hours=found.hours, minutes=found.minutes)
    return words.text(f"duty.{kind}.minutes", minutes=found.minutes)
