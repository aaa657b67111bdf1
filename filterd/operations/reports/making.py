"""Makes a report of a range: reads its record, and computes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from filterd.model.report_record import ReportRecord
from filterd.operations.context import Context
from filterd.operations.errors import OperationError, UnknownError
from filterd.operations.reports import figures, reading
from filterd.operations.reports.presets import Preset, preset_of
from filterd.operations.reports.ranges import AskedRange
from filterd.operations.reports.shape import RangeReport, ReportSection


@dataclass(frozen=True, slots=True)
class AskedReport:
    """A report as somebody asks for it."""

    kind: str = ""
    """of :data:`figures.REPORTS`; empty: that of the preset"""
    range: AskedRange = field(default_factory=AskedRange)
    preset: str = ""


async def make(context: Context, asked: AskedReport) -> tuple[RangeReport, Preset | None]:
    """The report, and the preset that it follows. Raises OperationError."""
    settings = context.settings
    preset = preset_of(asked.preset, settings.jurisdiction) if asked.preset else None
    kind = asked.kind or ("" if preset is None else preset.kind)
    if preset is not None and kind != preset.kind:
        message = f"the preset {preset.id} is a report of the kind {preset.kind}, not {kind[:32]!r}"
        raise OperationError(message, f"ask for {preset.kind}, or leave the preset out")
    if kind not in figures.REPORTS:
        message = f"there is no report {kind[:32]!r}" if kind else "no report was chosen"
        raise UnknownError(message, f"choose one of these: {', '.join(sorted(figures.REPORTS))}")
    usual = "" if preset is None else preset.range
    days = asked.range.days(context.clock(), settings.zone, usual)
    record = await reading.read(context, *days.bounds(settings.zone))
    return await asyncio.to_thread(whole, record, kind, preset), preset


def whole(record: ReportRecord, kind: str, preset: Preset | None = None) -> RangeReport:
    """The report of a record, with the sections that a preset adds behind. No section stands in it twice."""
    made = figures.REPORTS[kind](record)
    wanted = () if preset is None else (preset.kind, *preset.parts)
    sections = {each.id: each for each in made.sections}
    for part in wanted:
        for section in figures.REPORTS[part](record).sections:
            _merge(sections, section)
    return replace(made, sections=tuple(sections.values()))


def _merge(sections: dict[str, ReportSection], new: ReportSection) -> None:
    """Add a section, or those of its tables that stand nowhere yet."""
    there = {table.id for section in sections.values() for table in section.tables}
    tables = tuple(each for each in new.tables if each.id not in there)
    before = sections.get(new.id)
    if tables:
        kept = () if before is None else before.tables
        sections[new.id] = ReportSection(new.id, (*kept, *tables))
