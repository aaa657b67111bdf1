"""Counts days of a jurisdiction: the days on which its authorities work, and the ends of deadlines.

A deadline begins on the day after the event (CFF 12, LFPA 28 and 38; Regulation 1182/71 Article 3). Dates go
in, dates come out.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache

from filterd.policy.jurisdictions import Deadline, DeadlineClock, Holiday, Jurisdiction

_DAY = timedelta(days=1)
_WEEK = 7


def is_business_day(jurisdiction: Jurisdiction, day: date) -> bool:
    """True for a day that is neither of the weekend nor a holiday there."""
    return day.weekday() not in jurisdiction.weekend and day not in holidays_of(jurisdiction, day.year)


def due_on(jurisdiction: Jurisdiction, event: date, deadline: Deadline) -> date:
    """The last day of a deadline that an event on this day began. Minutes and hours count as the days they
    reach into."""
    days = deadline.days or -(-(deadline.hours * 60 + deadline.minutes) // 1440)
    if deadline.count is not DeadlineClock.BUSINESS:
        return event + timedelta(days=days)
    day = event
    while days:
        day += _DAY
        days -= is_business_day(jurisdiction, day)
    return day


def business_days_left(jurisdiction: Jurisdiction, today: date, due: date) -> int:
    """The business days after today up to the due day; negative: so many have passed since it."""
    first, last = min(today, due), max(today, due)
    days = (first + timedelta(days=number) for number in range(1, (last - first).days + 1))
    count = sum(is_business_day(jurisdiction, each) for each in days)
    return count if due >= today else -count


def holidays_of(jurisdiction: Jurisdiction, year: int) -> frozenset[date]:
    """The holidays that fall into a year, on the days on which they are observed."""
    return _fallen(jurisdiction.holidays, year)


@lru_cache(maxsize=256)
def _fallen(holidays: tuple[Holiday, ...], year: int) -> frozenset[date]:
    """Neighbouring years count too: the first of January may be observed on the last of December."""
    found = (_fallen_on(each, near) for each in holidays for near in (year - 1, year, year + 1))
    return frozenset(day for day in found if day is not None and day.year == year)


def _fallen_on(holiday: Holiday, year: int) -> date | None:
    """The day of a holiday in a year; None: that year does not have it."""
    if not holiday.since <= year <= holiday.until or holiday.year not in (0, year):
        return None
    if holiday.easter is not None:
        day = easter(year) + timedelta(days=holiday.easter)
    elif holiday.nth:
        day = _nth_weekday(year, holiday.month, holiday.weekday, holiday.nth)
    elif holiday.day > monthrange(year, holiday.month)[1]:
        return None  # the 29 of February
    else:
        day = date(year, holiday.month, holiday.day)
    return day + timedelta(days=dict(holiday.observed).get(day.weekday(), 0))


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    if nth < 0:
        last = date(year, month, monthrange(year, month)[1])
        return last - timedelta(days=(last.weekday() - weekday) % _WEEK)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % _WEEK + (nth - 1) * _WEEK)


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm: Meeus, "Astronomical Algorithms",
    chapter 8)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon + 15) % 30
    leaps, year_rest = divmod(rest, 4)
    weekday = (32 + 2 * century_rest + 2 * leaps - epact - year_rest) % _WEEK
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
