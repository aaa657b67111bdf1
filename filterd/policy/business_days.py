"""Counts days of a jurisdiction: the days on which its authorities work, and the ends of deadlines.

A deadline begins on the day after the event (CFF 12, LFPA 28 and 38). Dates go in, dates come out.
"""

from __future__ import annotations

from datetime import date, timedelta

from filterd.policy.documents import Deadline, DeadlineClock, Holiday, Jurisdiction

_DAY = timedelta(days=1)
_WEEK = 7


def is_business_day(jurisdiction: Jurisdiction, day: date) -> bool:
    """True for a day that is neither of the weekend nor a holiday there."""
    if day.weekday() in jurisdiction.weekend:
        return False
    return not any(_falls_on(each, day) for each in jurisdiction.holidays)


def due_on(jurisdiction: Jurisdiction, event: date, deadline: Deadline) -> date:
    """The last day of a deadline that an event on this day began. Hours count as the days they reach into."""
    days = deadline.days or -(-deadline.hours // 24)
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


def _falls_on(holiday: Holiday, day: date) -> bool:
    if day.month != holiday.month:
        return False
    if holiday.day:
        return day.day == holiday.day
    return day.weekday() == holiday.weekday and (day.day - 1) // _WEEK + 1 == holiday.nth
