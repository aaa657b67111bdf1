"""The year's clock: it stands still until the script moves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Mexico_City")
YEAR = 2027
FIRST, LAST = date(YEAR, 1, 1), date(YEAR, 12, 31)


def moment_of(day: date, hour: int = 0, minute: int = 0, second: int = 0) -> float:
    """The moment of a time of day in the provider's zone, Unix seconds."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=ZONE).timestamp()


BEGINS, ENDS = moment_of(FIRST), moment_of(LAST + timedelta(days=1))
"""the year, the end exclusive"""


@dataclass
class YearClock:
    """Unix seconds, and the same as a clock that does not go back: nobody sets this one back."""

    now: float = BEGINS

    def __call__(self) -> float:
        return self.now

    def move_to(self, moment: float) -> None:
        """Go on to a moment. ValueError for one that is past."""
        if moment < self.now:
            message = f"the year does not go back: {written(moment)} after {written(self.now)}"
            raise ValueError(message)
        self.now = moment

    @property
    def today(self) -> date:
        """The day in the provider's zone."""
        return datetime.fromtimestamp(self.now, UTC).astimezone(ZONE).date()


def written(moment: float) -> str:
    """A moment as the account of the year shows it, in the provider's zone."""
    return datetime.fromtimestamp(moment, UTC).astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
