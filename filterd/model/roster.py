"""Arithmetic of the roster: who is on duty at a moment, the gaps, and the changes of officer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from filterd.model.duty import Shift

TOLD_AHEAD = 24 * 3_600
"""seconds before a change of officer in which the authority is told of it (LMTR 183-IV)"""
DAYS = 7


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which nobody is on duty. Unix seconds; the end is exclusive."""

    begins_at: int
    ends_at: int


def on_duty(shifts: Iterable[Shift], now: float) -> tuple[Shift, ...]:
    """The shifts that run at a moment."""
    return tuple(each for each in shifts if each.begins_at <= now < each.ends_at)


def gaps(shifts: Iterable[Shift], begins_at: float, ends_at: float) -> tuple[Gap, ...]:
    """The stretches of a range that no shift covers, oldest first."""
    found, reached = [], int(begins_at)
    for each in sorted(shifts, key=lambda shift: shift.begins_at):
        if each.begins_at >= ends_at:
            break
        if each.begins_at > reached:
            found.append(Gap(reached, each.begins_at))
        reached = max(reached, each.ends_at)
    if reached < ends_at:
        found.append(Gap(reached, int(ends_at)))
    return tuple(found)


def changes(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    """The shifts that begin with another officer than the one before, oldest first: the authority is told of
    each, a day ahead. The first of all is one too."""
    found: list[Shift] = []
    before = ""
    for each in sorted(shifts, key=lambda shift: (shift.begins_at, shift.number)):
        if each.account != before:
            found.append(each)
        before = each.account
    return tuple(found)


def week(
    monday: date, accounts: Sequence[str], hand_over: time, zone: str, days: int = DAYS
) -> tuple[tuple[str, int, int], ...]:
    """Shifts of a week by local time: account, beginning and end for each of ``days`` days from ``monday``,
    the accounts in turn. A day in which clocks change lasts 23 or 25 hours."""
    local = ZoneInfo(zone)
    moments = [
        int(datetime.combine(monday + timedelta(days=day), hand_over, local).timestamp())
        for day in range(days + 1)
    ]
    return tuple((accounts[day % len(accounts)], moments[day], moments[day + 1]) for day in range(days))
