"""The record and the reports of a pack."""

from __future__ import annotations

from filterd.model.audit_chain import canonical
from filterd.model.report_record import ReportRecord
from filterd.operations.context import Context
from filterd.operations.evidence_pack.record_files import only
from filterd.operations.evidence_pack.scope import PackScope
from filterd.operations.reports import figures, reading
from filterd.operations.reports.shape import Report


async def record_of(context: Context, scope: PackScope) -> ReportRecord:
    """The record of the range; of one order its rows alone. Raises OperationError."""
    found = await reading.read(context, scope.begins_at, scope.ends_at)
    return only(found, scope.order) if scope.order else found


async def reports_of(record: ReportRecord) -> list[tuple[str, bytes]]:
    """The name and the content of each report on a record."""
    made = [make(record) for make in figures.REPORTS.values()]
    return [(f"{each.kind}.json", _json(each)) for each in made]


def _json(report: Report) -> bytes:
    return (canonical({"kind": report.kind, "figures": report.figures()}) + "\n").encode()
