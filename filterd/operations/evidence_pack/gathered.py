"""The record and the reports of a pack."""

from __future__ import annotations

from filterd.model.report_record import ReportRecord
from filterd.operations.context import Context
from filterd.operations.evidence_pack.record_files import only
from filterd.operations.evidence_pack.scope import PackScope
from filterd.operations.reports import figures, forms, reading
from filterd.operations.reports.shape import Report


async def record_of(context: Context, scope: PackScope) -> ReportRecord:
    """The record of the range; of one order its rows alone. Raises OperationError."""
    found = await reading.read(context, scope.begins_at, scope.ends_at)
    return only(found, scope.order) if scope.order else found


def reports_of(record: ReportRecord) -> list[Report]:
    """Every report on a record."""
    return [make(record) for make in figures.REPORTS.values()]


def plain_forms(report: Report) -> list[tuple[str, bytes]]:
    """The name and the content of the forms of a report that machines read."""
    return [(f"{report.kind}.json", forms.as_json(report)), (f"{report.kind}.csv", forms.as_csv(report))]
