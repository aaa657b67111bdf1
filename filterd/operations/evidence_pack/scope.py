"""The part of an installation's history that an evidence pack is of: one order, or a range of days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.orders.finding import find

LONGEST = 3 * 366
"""days of a range"""
_REMEDY = "write --from 2026-01-01 --to 2026-06-30: both days are in it, in the zone of the installation"


@dataclass(frozen=True, slots=True)
class PackScope:
    """The part that a pack is of. Times are Unix seconds."""

    first: str
    """the first day, ISO, in the zone of the installation"""
    last: str
    """the last day, inclusive"""
    begins_at: float
    ends_at: float
    """exclusive"""
    order: str = ""
    """the reference of the one order; empty: all of the range"""

    @property
    def name(self) -> str:
        """The name of the archive's file."""
        return f"evidence-{self.order or f'{self.first}-{self.last}'}.tar"


async def scope_of(context: Context, order: str = "", since: str = "", until: str = "") -> PackScope:
    """The scope that texts name: an order, or a first and a last day. Raises OperationError."""
    if bool(order) == bool(since or until) or bool(since) != bool(until):
        message = "a pack is of one order, or of the days from one to another"
        raise OperationError(message, f"write --order O-17; or {_REMEDY}")
    return await _of_order(context, order) if order else _of_days(context, since, until)


async def _of_order(context: Context, reference: str) -> PackScope:
    """From the day on which an order came in to the present one."""
    async with context.store.read() as connection:
        found = await find(connection, reference)
    now = context.clock()
    came = min(each for each in (found.demand.received_at, found.added_at, now) if each)
    return _between(context, day_of(context, came), day_of(context, now), found.reference)


def _of_days(context: Context, since: str, until: str) -> PackScope:
    first, last = _read(since), _read(until)
    if last < first:
        message = f"the range ends on {last}, before it begins on {first}"
        raise OperationError(message, _REMEDY)
    if first > day_of(context, context.clock()):
        message = f"nothing has happened yet on {first}"
        raise OperationError(message, "choose days that have begun")
    if (last - first).days >= LONGEST:
        message = f"the range has more than {LONGEST} days"
        raise OperationError(message, "make several packs, one after the other")
    return _between(context, first, last, "")


def _read(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        message = f"this is no day: {text.strip()[:40]!r}"
        raise OperationError(message, _REMEDY) from error


def day_of(context: Context, moment: float) -> date:
    """The day of a moment (Unix seconds) in the zone of the installation."""
    return datetime.fromtimestamp(moment, ZoneInfo(context.settings.zone)).date()


def _between(context: Context, first: date, last: date, order: str) -> PackScope:
    zone = ZoneInfo(context.settings.zone)
    begins, ends = (
        datetime.combine(each, time(), zone).timestamp() for each in (first, last + timedelta(days=1))
    )
    return PackScope(first.isoformat(), last.isoformat(), begins, ends, order)
