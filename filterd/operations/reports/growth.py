"""The growth of mandatory blocking in the last months, which the public is told where it is sudden."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from filterd.model.report_record import ReportRecord
from filterd.operations.context import Context
from filterd.operations.reports import about_nodes, of_nodes, reading
from filterd.operations.reports.take_up import day_of, midnight


@dataclass(frozen=True, slots=True)
class MonthGrowth:
    """The growth in one month, the present one as far as it goes."""

    month: str
    """like ``2026-11``"""
    names: int
    """at its end"""
    change: int
    beyond: bool
    """beyond the threshold (``reports.growth`` of the settings)"""


async def months(context: Context) -> list[MonthGrowth]:
    """The growth in the month before and in this one, as far as statements tell. Raises StoreError."""
    now = context.clock()
    tomorrow = day_of(context, now) + timedelta(days=1)
    first = (day_of(context, now).replace(day=1) - timedelta(days=1)).replace(day=1)
    head = await reading.head_of(context, midnight(context, first), midnight(context, tomorrow))
    blocking = await of_nodes.blocking(context, first, tomorrow)
    table = about_nodes.growth(ReportRecord(head, days=blocking))
    found = ((row.label.text, [each.value for each in row.figures]) for row in table.rows)
    return [
        MonthGrowth(month, int(names or 0), int(change or 0), beyond == 1)
        for month, (names, change, _, beyond) in found
    ]


async def sudden(context: Context) -> list[MonthGrowth]:
    """Those of them that the public is told of."""
    return [each for each in await months(context) if each.beyond]
