"""Whole calendar months: what is counted of people is counted for these alone. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

DECEMBER = 12


def whole_months(zone: str, begins_at: float, now: float) -> tuple[float, float]:
    """The beginning and the end (exclusive) of the calendar months that lie in a range and are over, in Unix
    seconds: two ranges that differ by days have the same. The end is not after the beginning where there is
    none."""
    first, last = (_month(datetime.fromtimestamp(each, ZoneInfo(zone))) for each in (begins_at, now))
    if first.timestamp() < begins_at:
        year, month = (first.year + 1, 1) if first.month == DECEMBER else (first.year, first.month + 1)
        first = first.replace(year=year, month=month)
    return first.timestamp(), last.timestamp()


def _month(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
