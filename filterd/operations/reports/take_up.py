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
    """True if the day before was not counted yet."""
    async with context.store.read() as connection:
        return await rows.newest(connection) < _yesterday(context).isoformat()


async def fill(context: Context) -> list[str]:
    """Count the days up to the one before this; return them. Raises StoreError."""
    last = _yesterday(context)
    async with context.store.read() as connection:
        newest = await rows.newest(connection)
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
        for day, found in counts.items():
            await rows.put(connection, day, found)
    return list(counts)


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


def _yesterday(context: Context) -> date:
    return day_of(context, context.clock()) - timedelta(days=1)
