"""Stretches of time in the parts that people say: minutes below an hour, hours and minutes up to two days,
then days. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60, 3_600, 86_400
HOURS_UP_TO = 2 * DAY


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """A stretch of time until a moment, or since."""

    late: bool
    unit: str
    """``minutes``, ``hours`` or ``days``"""
    days: int = 0
    hours: int = 0
    minutes: int = 0


def time_left(seconds: float) -> TimeLeft:
    """The parts of so many seconds; negative ones are since. Every part is rounded down, so that nobody
    believes to have more time than there is."""
    late, span = seconds <= 0, int(abs(seconds))
    if span < HOUR:
        return TimeLeft(late, "minutes", minutes=span // MINUTE)
    if span < HOURS_UP_TO:
        return TimeLeft(late, "hours", hours=span // HOUR, minutes=span % HOUR // MINUTE)
    return TimeLeft(late, "days", days=span // DAY)
