"""Ranges of reports: years, half-years, and any two days, in the zone of the installation. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from filterd.operations.errors import OperationError

_HALF = re.compile(r"([0-9]{4})-H([12])")
_JULY = 7
_FIRST = 1970
"""the first year of a range"""


@dataclass(frozen=True, slots=True)
class Days:
    """A range of whole days."""

    first: date
    until: date
    """exclusive"""

    def bounds(self, zone: str) -> tuple[float, float]:
        """Its beginning and its end in Unix seconds."""
        return _midnight(self.first, zone), _midnight(self.until, zone)


def _midnight(day: date, zone: str) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp()


def year(number: int) -> Days:
    """A calendar year. Raises OperationError for one that no calendar has."""
    if not _FIRST <= number < date.max.year:
        message = f"no year: {number}"
        raise OperationError(message, "write it like 2026")
    return Days(date(number, 1, 1), date(number + 1, 1, 1))


def half(text: str) -> Days:
    """A half-year such as ``2026-H2``. Raises OperationError."""
    found = _HALF.fullmatch(text)
    if found is None or not _FIRST <= int(found[1]) < date.max.year:
        message = f"no half-year: {text[:16]!r}"
        raise OperationError(message, "write it like 2026-H2")
    number, first = int(found[1]), found[2] == "1"
    return Days(
        date(number, 1 if first else _JULY, 1), date(number, _JULY, 1) if first else date(number + 1, 1, 1)
    )


def between(first: str, last: str) -> Days:
    """From one ISO day to another, both among them. Raises OperationError."""
    try:
        found = Days(date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1))
        year(found.first.year)
        return found
    except (ValueError, OverflowError):
        message = f"no days: {first[:16]!r} to {last[:16]!r}"
        raise OperationError(message, "write them like 2026-11-27") from None


def last_half(now: float, zone: str) -> Days:
    """The last half-year that is over."""
    today = _day(now, zone)
    name = f"{today.year}-H1" if today.month >= _JULY else f"{today.year - 1}-H2"
    return half(name)


def last_year(now: float, zone: str) -> Days:
    """The last year that is over."""
    return year(_day(now, zone).year - 1)


def _day(now: float, zone: str) -> date:
    return datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class AskedRange:
    """A range as somebody asks for it: at most one of a year, a half-year and two days."""

    year: int = 0
    half: str = ""
    first: str = ""
    last: str = ""

    def days(self, now: float, zone: str, preset: str = "") -> Days:
        """The days. Where nothing is asked for: the last whole year or half-year of a preset, else this year
        so far. Raises OperationError."""
        if sum((bool(self.year), bool(self.half), bool(self.first or self.last))) > 1:
            message = "a year, a half-year and days exclude each other"
            raise OperationError(message, "give one of them")
        if self.year:
            return year(self.year)
        if self.half:
            return half(self.half)
        if self.first or self.last:
            today = _day(now, zone).isoformat()
            return between(self.first or f"{today[:4]}-01-01", self.last or today)
        if preset:
            return last_year(now, zone) if preset == "year" else last_half(now, zone)
        return year(_day(now, zone).year)
