"""Figures of nodes and lists: availability, digests, growth, categories in force. Pure; the definitions stand
in ``docs/report-record.md``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from filterd.model.report_record import CountDayRow, ListPeriodRow, ListRow, NodeStateRow, ReportRecord
from filterd.operations.reports.measures import in_range, now_of, share
from filterd.operations.reports.shape import (
    Chart,
    ChartKind,
    FigureRow,
    FigureTable,
    Grid,
    Label,
    LabelKind,
    Unit,
    key,
)

COUNT, SECONDS, SHARE, MOMENT = Unit.COUNT, Unit.SECONDS, Unit.SHARE, Unit.MOMENT
TEXT, DIGEST, YES = Unit.TEXT, Unit.DIGEST, Unit.YES
STATES = ("available", "unready", "silent")
NAMES, ORDERS = "mandatory.names", "mandatory.orders"
_AVAILABILITY = (
    ("seconds", SECONDS),
    *((f"{each}_share", SHARE) for each in STATES),
    ("interruptions", COUNT),
)
_LISTS = (
    *(("version", TEXT), ("digest", DIGEST), ("since", MOMENT), ("lasts", YES)),
    *(("switches", COUNT), ("share", SHARE)),
)
_IN_USE = (
    *(("kind", TEXT), ("version", COUNT), ("digest", DIGEST), ("names", COUNT)),
    *(("nodes", COUNT), ("digests", COUNT)),
)
_GROWTH = (("names", COUNT), ("change", COUNT), ("share", SHARE), ("beyond", YES))
_PUBLIC = (("names", COUNT), ("confidential", YES), ("version", COUNT), ("digest", DIGEST))
Pair = tuple[str, str]


def availability(record: ReportRecord) -> FigureTable:
    """The share of time in which each node was available, unready, silent."""
    grid = Grid("availability", _AVAILABILITY)
    nodes: dict[str, list[NodeStateRow]] = {}
    for each in sorted(record.node_states, key=lambda row: row.since):
        nodes.setdefault(each.node, []).append(each)
    rows = [_available(grid, record, node, nodes[node]) for node in sorted(nodes)]
    return grid.table(tuple(rows), Chart(ChartKind.STACK, (1, 2, 3)))


def _available(grid: Grid, record: ReportRecord, node: str, states: Sequence[NodeStateRow]) -> FigureRow:
    head, now = record.head, now_of(record.head)
    spent = dict.fromkeys(STATES, 0.0)
    ends = [*(each.since for each in states[1:]), now]
    for each, until in zip(states, ends, strict=True):
        seconds = min(until, now) - max(each.since, head.begins_at)
        spent[each.state] = spent.get(each.state, 0.0) + max(0.0, seconds)
    whole = sum(spent.values())
    interruptions = sum(
        later.state != STATES[0] and before.state == STATES[0] and in_range(head, later.since)
        for before, later in itertools.pairwise(states)
    )
    shares = (share(spent[each], whole) for each in STATES)
    return grid.row(key(node), Label(LabelKind.DATA, node), (round(whole, 3), *shares, interruptions))


def lists(record: ReportRecord) -> FigureTable:
    """The version of each list on each node."""
    grid, rows = Grid("lists", _LISTS), []
    head, now = record.head, now_of(record.head)
    for (node, label), periods in sorted(_periods(record).items()):
        newest = periods[-1]
        ran = sum(max(0.0, min(each.until or now, now) - max(each.since, head.begins_at)) for each in periods)
        values = (
            newest.version,
            newest.digest,
            newest.since,
            int(_lasts(newest, now)),
            sum(in_range(head, each.since) for each in periods),
            share(ran, now - head.begins_at),
        )
        rows.append(grid.row(f"{key(node)}.{key(label)}", Label(LabelKind.DATA, node, label), values))
    return grid.table(tuple(rows))


def _periods(record: ReportRecord) -> dict[Pair, list[ListPeriodRow]]:
    """The periods of each pair of node and label, oldest first."""
    found: dict[Pair, list[ListPeriodRow]] = {}
    for each in sorted(record.list_periods, key=lambda row: row.since):
        found.setdefault((each.node, each.label), []).append(each)
    return found


def _lasts(period: ListPeriodRow, now: float) -> bool:
    return period.until == 0 or period.until >= now


def lists_in_use(record: ReportRecord) -> FigureTable:
    """The lists, and how many nodes run each with how many different digests."""
    grid, rows, now = Grid("lists_in_use", _IN_USE), [], now_of(record.head)
    running: dict[str, list[str]] = {}
    for (_, label), periods in _periods(record).items():
        if _lasts(periods[-1], now):
            running.setdefault(label, []).append(periods[-1].digest)
    for each in sorted(record.lists, key=lambda row: row.label):
        digests = running.get(each.label, [])
        values = (each.kind, each.version, each.digest, each.names, len(digests), len(set(digests)))
        rows.append(grid.row(key(each.label), Label(LabelKind.DATA, each.label), values))
    return grid.table(tuple(rows))


def growth(record: ReportRecord) -> FigureTable:
    """The growth of mandatory names from month to month."""
    head, grid, rows = record.head, Grid("growth", _GROWTH), []
    every = _days(record, NAMES)
    for month, (first, last) in _months(every, head.begins_on).items():
        before = [each for each in every if each.day < month]
        base = (before[-1] if before else first).count or 0
        end = last.count or 0
        change = end - base
        relative = base >= head.growth_floor and change >= head.growth_share * base
        beyond = change > 0 and (change >= head.growth_names or relative)
        values = (end, change, share(change, base), int(beyond))
        rows.append(grid.row(month, Label(LabelKind.MONTH, month), values))
    return grid.table(tuple(rows), Chart(ChartKind.LINE, (0,)))


def grew(table: FigureTable) -> bool:
    """True if a month of this table of growth is beyond the threshold."""
    return any(row.figures[-1].value == 1 for row in table.rows)


def blocking(record: ReportRecord) -> FigureTable:
    """The orders and names at the end of each month."""
    grid, rows = Grid("blocking", (("orders", COUNT), ("names", COUNT))), []
    names = _months(_days(record, NAMES), record.head.begins_on)
    orders = _months(_days(record, ORDERS), record.head.begins_on)
    for month in sorted(names.keys() | orders.keys()):
        ends = (found[month][1].count if month in found else None for found in (orders, names))
        rows.append(grid.row(month, Label(LabelKind.MONTH, month), tuple(ends)))
    return grid.table(tuple(rows), Chart(ChartKind.LINE, (1,)))


def _days(record: ReportRecord, subject: str) -> list[CountDayRow]:
    return sorted((each for each in record.days if each.subject == subject), key=lambda row: row.day)


def _months(days: Iterable[CountDayRow], since: str) -> dict[str, tuple[CountDayRow, CountDayRow]]:
    """The first and the last row of each month that has a day since then."""
    found: dict[str, tuple[CountDayRow, CountDayRow]] = {}
    wanted: set[str] = set()
    for each in days:
        month = each.day[:7]
        found[month] = (found.get(month, (each, each))[0], each)
        if each.day >= since:
            wanted.add(month)
    return {month: found[month] for month in sorted(wanted)}


def public_lists(record: ReportRecord) -> FigureTable:
    """The mandatory lists as the public is told of them: a confidential one without its digest, which has no
    key where its version was taken before it became confidential."""
    grid = Grid("public_lists", _PUBLIC)
    rows = [
        grid.row(
            key(each.label),
            Label(LabelKind.DATA, each.label),
            (each.names, int(each.confidential), each.version, "" if each.confidential else each.digest),
        )
        for each in sorted(record.lists, key=lambda row: row.label)
        if each.kind == "mandatory"
    ]
    return grid.table(tuple(rows))


def categories(record: ReportRecord) -> tuple[FigureTable, FigureTable]:
    """The categories in force, and the list behind each."""
    used = sorted((each for each in record.lists if each.category), key=lambda row: row.label)
    whole = Grid("categories", (("lists", COUNT), ("names", COUNT)))
    by: dict[str, list[ListRow]] = {}
    for each in used:
        by.setdefault(each.category, []).append(each)
    counted = [
        whole.row(
            key(name),
            Label(LabelKind.CATEGORY, name),
            (len(by[name]), sum(each.names for each in by[name])),
        )
        for name in sorted(by)
    ]
    columns = (("category", TEXT), ("version", COUNT), ("digest", DIGEST), ("names", COUNT))
    grid = Grid("category_lists", columns)
    rows = [
        grid.row(
            key(each.label),
            Label(LabelKind.DATA, each.label),
            (each.category, each.version, each.digest, each.names),
        )
        for each in used
    ]
    return whole.table(tuple(counted), Chart(ChartKind.BARS, (1,))), grid.table(tuple(rows))
