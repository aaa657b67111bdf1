"""The reports: which tables stand in which, under which headings. Pure: a report follows from its record."""

from __future__ import annotations

from collections.abc import Callable

from filterd.model.report_record import ReportRecord
from filterd.operations.reports import about_nodes as nodes
from filterd.operations.reports import about_orders as orders
from filterd.operations.reports import about_people as people
from filterd.operations.reports.shape import FigureTable, RangeReport, ReportSection

COMPLIANCE, TRANSPARENCY = "compliance", "transparency"
GREW = "report.warning.growth"


def compliance(record: ReportRecord) -> RangeReport:
    """The report to the regulator."""
    growth = nodes.growth(record)
    return RangeReport(
        COMPLIANCE,
        record.head,
        (
            ReportSection("orders", (orders.orders(record), orders.orders_by(record))),
            ReportSection("deadlines", (orders.deadlines(record),)),
            ReportSection("times", _times(record)),
            ReportSection("coverage", orders.coverage(record)),
            ReportSection("lists", (nodes.lists_in_use(record), nodes.lists(record))),
            ReportSection("growth", (growth,)),
            ReportSection("availability", (nodes.availability(record),)),
            ReportSection("take_up", (*people.take_up(record), people.consent(record))),
            ReportSection("complaints", people.complaints(record)),
            ReportSection("privacy", (people.privacy(record), people.retention(record))),
            ReportSection("answers", (people.answers(record), people.answers_by(record, "answers_by"))),
            ReportSection("capacity", (people.capacity(record),)),
        ),
        _warnings(growth),
    )


def _times(record: ReportRecord) -> tuple[FigureTable, ...]:
    return (
        orders.acceptance(record),
        orders.reaching(record, "enforcement", "enforce"),
        orders.reaching(record, "lifting", "lift"),
    )


def _warnings(growth: FigureTable) -> tuple[str, ...]:
    return (GREW,) if nodes.grew(growth) else ()


def transparency(record: ReportRecord) -> RangeReport:
    """The report to the public: no name, no order by its reference, no small group of orders."""
    growth = nodes.growth(record)
    return RangeReport(
        TRANSPARENCY,
        record.head,
        (
            ReportSection("totals", (orders.totals(record), orders.by_ground(record))),
            ReportSection("public_times", (*_times(record)[1:], orders.deadlines(record))),
            ReportSection("growth", (growth, nodes.blocking(record))),
            ReportSection("public_lists", (nodes.public_lists(record),)),
            ReportSection("refusals", (people.refusals(record), people.answers_by(record, "refusals_by"))),
            ReportSection("complaints", people.complaints(record)),
        ),
        _warnings(growth),
    )


def categories(record: ReportRecord) -> RangeReport:
    """The categories in force, with their lists."""
    return RangeReport("categories", record.head, (ReportSection("categories", nodes.categories(record)),))


REPORTS: dict[str, Callable[[ReportRecord], RangeReport]] = {
    COMPLIANCE: compliance,
    TRANSPARENCY: transparency,
    "categories": categories,
}
"""kind -> what makes it"""
