"""Reads the times that a person gives in the words of a house: for 45 minutes, until 21:00, today.

A time without an offset from UTC is one on the line's own clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from filterd.operations import input_values
from filterd.operations.errors import OperationError
from filterd.policy.schedule import UnknownZoneError, zone_of

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
DAY = 86_400
FORMS = "write it like 21:00, 2026-12-24T21:00 (by the line's clock) or 2026-12-24T21:00:00-06:00"


@dataclass(frozen=True, slots=True)
class End:
    """An end as it was given: one of the fields is set, or none where something stays."""

    seconds: int = 0
    """from now, or from the begin"""
    until: str = ""
    """a time as :func:`moment` reads it"""
    today: bool = False
    """the next midnight"""

    def at(self, zone: str, begin: float, most: int, what: str) -> int:
        """The end in Unix seconds, on a clock in ``zone``; 0 where there is none. OperationError where it
        is not after ``begin``, or more than ``most`` seconds after it."""
        found = self._moment(zone, begin, what)
        if found and found <= begin:
            message = f"{what} would end before it begins: {self.until[:64] or self.seconds}"
            raise OperationError(message, "give a later time")
        if found > begin + most:
            message = f"{what} would end in more than {most // DAY} days"
            raise OperationError(message, f"give an end within {most // DAY} days")
        return found

    def _moment(self, zone: str, begin: float, what: str) -> int:
        if self.until:
            return moment(self.until, zone, begin, f"the end of {what}")
        if self.today:
            return midnight(zone, begin)
        return int(begin) + self.seconds if self.seconds else 0


STAYS = End()


def clock_of(zone: str) -> ZoneInfo:
    """The clock of a line's zone. OperationError for a zone that this machine does not know."""
    try:
        return zone_of(zone)
    except UnknownZoneError as error:
        message = f"this machine does not know the line's time zone: {zone[:64]!r}"
        raise OperationError(message, "set another with: filterd subscriber set-zone ID ZONE") from error


def moment(value: str, zone: str, after: float, what: str) -> int:
    """The moment that a text means, in Unix seconds: a time of day is the next one after ``after``."""
    text = value.strip()
    found = _TIME_OF_DAY.fullmatch(text)
    if found is not None:
        return _next(time(int(found[1]), int(found[2])), clock_of(zone), after)
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{what} is no time: {text[:64]!r}"
        raise OperationError(message, FORMS) from error
    if wall.tzinfo is not None:
        return input_values.when(text, what)
    if ":" not in text:
        message = f"{what} is a day without a time: {text[:64]!r}"
        raise OperationError(message, FORMS)
    return input_values.when(wall.replace(tzinfo=clock_of(zone)).isoformat(), what)


def midnight(zone: str, now: float) -> int:
    """The end of the present day on a clock in ``zone``."""
    clock = clock_of(zone)
    tomorrow = datetime.fromtimestamp(now, clock).date() + timedelta(days=1)
    return int(datetime.combine(tomorrow, time(), clock).timestamp())


def _next(wanted: time, clock: ZoneInfo, after: float) -> int:
    """The first moment after ``after`` at which the clock shows this time of day: one that the clock shows
    twice comes twice, and one that it skips on a day is as much later."""
    today = datetime.fromtimestamp(after, clock).date()
    days = [datetime.combine(today + timedelta(days=ahead), wanted, clock) for ahead in range(3)]
    found = (max(day.timestamp(), day.replace(fold=fold).timestamp()) for day in days for fold in (0, 1))
    return next(int(each) for each in found if each > after)
