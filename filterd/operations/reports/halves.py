"""Calendar half-years: people are counted for each of them alone. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

JULY = 7


def whole_halves(zone: str, begins_at: float, now: float) -> tuple[tuple[float, float], ...]:
    """The beginning and the end (exclusive), in Unix seconds, of each half-year of the calendar that lies in
    a range and is over. Each has one count, whatever the range: no two ranges differ by less than one."""
    begin, found = _half(datetime.fromtimestamp(begins_at, ZoneInfo(zone))), []
    while begin.timestamp() < begins_at:
        begin = _following(begin)
    while (end := _following(begin)).timestamp() <= now:
        found.append((begin.timestamp(), end.timestamp()))
        begin = end
    return tuple(found)


def half_of(zone: str, at: float) -> tuple[str, float, float]:
    """The half-year of a moment: its name, such as ``2026-H2``, its beginning and its end (exclusive)."""
    begin = _half(datetime.fromtimestamp(at, ZoneInfo(zone)))
    name = f"{begin.year}-H{1 if begin.month < JULY else 2}"
    return name, begin.timestamp(), _following(begin).timestamp()


def _half(moment: datetime) -> datetime:
    month = 1 if moment.month < JULY else JULY
    return moment.replace(month=month, day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)


def _following(begin: datetime) -> datetime:
    late = begin.month == JULY
    return begin.replace(year=begin.year + late, month=1 if late else JULY)
