"""The reports: which tables stand in which, under which headings. Pure: a report follows from its record."""

from __future__ import annotations

from collections.abc import Callable

from filterd.model.report_record import ReportRecord
from filterd.operations.reports import about_nodes as nodes
from filterd.operations.reports import about_orders as orders
from filterd.operations.reports import about_people as people
from filterd.operations.reports.shape import Report, Section, Table

COMPLIANCE, TRANSPARENCY = "compliance", "transparency"
GREW = "report.warning.growth"


def compliance(record: ReportRecord) -> Report:
    """The report to the regulator."""
    growth = nodes.growth(record)
    return Report(
        COMPLIANCE,
        record.head,
        (
            Section("orders", (orders.orders(record), orders.orders_by(record))),
            Section("deadlines", (orders.deadlines(record),)),
            Section("times", _times(record)),
            Section("coverage", orders.coverage(record)),
            Section("lists", (nodes.lists_in_use(record), nodes.lists(record))),
            Section("growth", (growth,)),
            Section("availability", (nodes.availability(record),)),
            Section("take_up", (*people.take_up(record), people.consent(record))),
            Section("complaints", people.complaints(record)),
            Section("privacy", (people.privacy(record), people.retention(record))),
            Section("answers", (people.answers(record), people.answers_by(record, "answers_by"))),
            Section("capacity", (people.capacity(record),)),
        ),
        _warnings(growth),
    )


def _times(record: ReportRecord) -> tuple[Table, ...]:
    return (
        orders.acceptance(record),
        orders.reaching(record, "enforcement", "enforce"),
        orders.reaching(record, "lifting", "lift"),
    )


def _warnings(growth: Table) -> tuple[str, ...]:
    return (GREW,) if nodes.grew(growth) else ()


def transparency(record: ReportRecord) -> Report:
    """The report to the public: no name, no order by its reference, no small group of orders."""
    growth = nodes.growth(record)
    return Report(
        TRANSPARENCY,
        record.head,
        (
            Section("totals", (orders.totals(record), orders.by_ground(record))),
            Section("public_times", (*_times(record)[1:], orders.deadlines(record))),
            Section("growth", (growth, nodes.blocking(record))),
            Section("public_lists", (nodes.public_lists(record),)),
            Section("refusals", (people.refusals(record), people.answers_by(record, "refusals_by"))),
            Section("complaints", people.complaints(record)),
        ),
        _warnings(growth),
    )


def categories(record: ReportRecord) -> Report:
    """The categories in force, with their lists."""
    return Report("categories", record.head, (Section("categories", nodes.categories(record)),))


REPORTS: dict[str, Callable[[ReportRecord], Report]] = {
    COMPLIANCE: compliance,
    TRANSPARENCY: transparency,
    "categories": categories,
}
"""kind -> what makes it"""
