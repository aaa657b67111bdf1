"""Counts, once a day, the lines that have the service, and those that began or ended it.

Control fills the day before, and how many lines began or ended in days that it was away; how many had it at
the end of those nobody knows any more. Nothing of a line is kept.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.operations.context import Context
from filterd.operations.privacy.retention import CONSENT_ENDS
from filterd.operations.reports.about_people import OPT_INS, OPT_OUTS, OPTED_IN, PROFILE
from filterd.store import take_up as rows

MOST_DAYS = 62
"""that are filled afterwards"""


async def is_due(context: Context) -> bool:
    """True if the day before was not counted yet, or if this day was: a clock that was ahead did that, and
    its count is not believed."""
    today = _today(context)
    async with context.store.read() as connection:
        newest = await rows.newest(connection, OPTED_IN, today.isoformat())
        early = await rows.is_there(connection, today.isoformat())
    return early or newest < (today - timedelta(days=1)).isoformat()


async def fill(context: Context) -> list[str]:
    """Count the days up to the one before this, and forget a count of this one; return the days counted.
    Counts of days to come stay until their day: the clock may be behind. Raises StoreError."""
    today = _today(context)
    last = today - timedelta(days=1)
    async with context.store.read() as connection:
        newest = await rows.newest(connection, OPTED_IN, today.isoformat())
        first = last - timedelta(days=MOST_DAYS - 1)
        if newest:
            first = max(first, date.fromisoformat(newest) + timedelta(days=1))
        days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
        counts = {each.isoformat(): await _asked(context, connection, each) for each in days}
        profiles = await rows.by_profile(connection)
    if days:
        counts[last.isoformat()] |= {OPTED_IN: sum(profiles.values())}
        counts[last.isoformat()] |= {f"{PROFILE}{each}": count for each, count in profiles.items() if each}
    async with context.store.report() as connection:
        for day, found in {**counts, today.isoformat(): {}}.items():
            await rows.put(connection, day, found)
    return list(counts)


async def counted_until(context: Context) -> float:
    """The end of the newest day that is over and was counted, in Unix seconds; 0: none was."""
    async with context.store.read() as connection:
        newest = await rows.newest(connection, OPTED_IN, _today(context).isoformat())
    return midnight(context, date.fromisoformat(newest) + timedelta(days=1)) if newest else 0.0


async def _asked(context: Context, connection: AsyncConnection, day: date) -> dict[str, int]:
    since, until = midnight(context, day), midnight(context, day + timedelta(days=1))
    return {
        OPT_INS: await rows.asked(connection, ("opt_in",), since, until),
        OPT_OUTS: await rows.asked(connection, CONSENT_ENDS, since, until),
    }


def midnight(context: Context, day: date) -> float:
    """The first second of a day in the zone of the installation, in Unix seconds."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(context.settings.zone)).timestamp()


def day_of(context: Context, at: float) -> date:
    """The day of a moment in the zone of the installation."""
    return datetime.fromtimestamp(at, ZoneInfo(context.settings.zone)).date()


def _today(context: Context) -> date:
    return day_of(context, context.clock())
