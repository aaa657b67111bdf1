"""Figures of orders, of their deadlines, and of the time until nodes had them. Pure; the definitions stand in
``docs/report-record.md``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from filterd.model.report_record import ArrivalRow, DeadlineRow, EffectRow, OrderRow, ReportRecord
from filterd.operations.reports.measures import (
    counting,
    in_range,
    now_of,
    percentile,
    share,
    spans,
    times_of,
)
from filterd.operations.reports.shape import (
    Chart,
    ChartKind,
    FigureRow,
    FigureTable,
    Grid,
    Label,
    LabelKind,
    Unit,
    Value,
    facts,
    key,
)

STANDING = frozenset(("accepted", "suspended", "outside_dns"))
WAITING = frozenset(("pending", "quarantined"))
DEADLINES = ("enforce", "report", "unblock", "reconfirm", "review", "emergency_review")
MOST_ORDERS = 500
"""that are told one by one"""
COUNT, SECONDS, SHARE, MOMENT = Unit.COUNT, Unit.SECONDS, Unit.SHARE, Unit.MOMENT
_BY = (
    ("received", COUNT),
    ("accepted", COUNT),
    ("ended", COUNT),
    ("standing", COUNT),
    ("entries", COUNT),
)
_DEADLINES = (("due", COUNT), ("kept", COUNT), ("missed", COUNT), ("void", COUNT), ("kept_share", SHARE))
_COVERAGE = (
    ("nodes", COUNT),
    ("of", COUNT),
    ("share", SHARE),
    ("first_at", MOMENT),
    ("everywhere_at", MOMENT),
)
_BY_GROUND = (
    *(("received", COUNT), ("ended", COUNT), ("standing", COUNT)),
    *(("entries_added", COUNT), ("entries_removed", COUNT), ("entries_standing", COUNT)),
    *(("median_seconds", SECONDS), ("max_seconds", SECONDS)),
)
Counts = dict[str, int]


def followers(record: ReportRecord) -> dict[str, int]:
    """Each order that another one of the record goes on from, with the entries of that one."""
    return {each.continues: each.entries for each in record.orders if each.continues}


def first_ones(record: ReportRecord, rows: Iterable[OrderRow]) -> list[OrderRow]:
    """Those that go on from no other one of the record."""
    there = {each.order for each in record.orders}
    return [each for each in rows if each.continues not in there]


def counts(record: ReportRecord, rows: Iterable[OrderRow]) -> Counts:
    """The numbers of orders and entries, by the last part of their ids."""
    every, head, after = list(rows), record.head, followers(record)
    firsts = first_ones(record, every)
    received = [each for each in firsts if in_range(head, each.received_at)]
    accepted = [each for each in firsts if in_range(head, each.accepted_at)]
    over = [each for each in every if in_range(head, each.ended_at)]
    ended = [each for each in over if each.order not in after]
    standing = [each for each in every if each.state in STANDING]
    emergency = [each for each in ended if each.emergency]
    return {
        "received": len(received),
        "accepted": len(accepted),
        "ended": len(ended),
        "standing": len(standing),
        "waiting": sum(each.state in WAITING for each in every),
        "confidential": sum(each.confidential for each in received),
        "wide": sum(each.wide for each in received),
        "quarantined": sum(each.quarantined for each in received),
        "by_register": sum(bool(each.source) for each in received),
        "emergency_ends": len(emergency),
        "emergency_reviewed": sum(each.reviewed_at > 0 for each in emergency),
        "entries_added": sum(each.entries for each in accepted),
        "entries_removed": sum(
            each.entries - after.get(each.order, 0) for each in over if each.accepted_at > 0
        ),
        "entries_standing": sum(each.entries for each in standing),
    }


def orders(record: ReportRecord) -> FigureTable:
    """The numbers of orders and entries."""
    return facts("orders", *((name, count, COUNT) for name, count in counts(record, record.orders).items()))


def orders_by(record: ReportRecord) -> FigureTable:
    """The same by authority and ground."""
    grid, rows = Grid("orders_by", _BY), []
    for (authority, ground), some in sorted(_groups(record.orders).items()):
        found = counts(record, some)
        values = (*(found[name] for name, _ in _BY[:-1]), found["entries_standing"])
        rows.append(grid.row(f"{key(authority)}.{key(ground)}", _ground(authority, ground), values))
    return grid.table(tuple(rows), Chart(ChartKind.BARS, (3,)))


def _ground(authority: str, ground: str) -> Label:
    return Label(LabelKind.GROUND, authority, ground)


def _groups(rows: Iterable[OrderRow]) -> dict[tuple[str, str], list[OrderRow]]:
    found: dict[tuple[str, str], list[OrderRow]] = {}
    for each in rows:
        found.setdefault((each.authority, each.ground), []).append(each)
    return found


def deadlines(record: ReportRecord) -> FigureTable:
    """The deadlines that were kept and missed, by kind."""
    grid, head, now = Grid("deadlines", _DEADLINES), record.head, now_of(record.head)
    counting_ones = [
        each
        for each in record.deadlines
        if in_range(head, each.due_at) and (each.met_at > 0 or each.due_at + 1 <= now)
    ]
    rows = [_deadline_row(grid, "all", counting_ones)]
    rows += [
        _deadline_row(grid, kind, [each for each in counting_ones if each.kind == kind]) for kind in DEADLINES
    ]
    return grid.table(tuple(rows), Chart(ChartKind.STACK, (1, 2)))


def _deadline_row(grid: Grid, kind: str, rows: Sequence[DeadlineRow]) -> FigureRow:
    kept = sum(_kept(each) for each in rows)
    void = sum(not _kept(each) and 0 < each.over_at < each.due_at + 1 for each in rows)
    missed = len(rows) - kept - void
    values = (kept + missed, kept, missed, void, share(kept, kept + missed))
    return grid.row(kind, Label(LabelKind.WORD, f"deadlines.{kind}"), values)


def _kept(row: DeadlineRow) -> bool:
    return 0 < row.met_at < row.due_at + 1


def acceptance(record: ReportRecord) -> FigureTable:
    """The time from an order's receipt until it was accepted."""
    firsts = first_ones(record, record.orders)
    accepted = [each for each in firsts if in_range(record.head, each.accepted_at)]
    times = [max(0.0, each.accepted_at - each.received_at) for each in accepted]
    return facts("acceptance", ("orders", len(accepted), COUNT), *spans(times))


def reaching(record: ReportRecord, name: str, kind: str) -> FigureTable:
    """The time until every node had the effects of a kind."""
    found = counting(record.effects, record.head, kind)
    times = times_of(found)
    told: list[tuple[str, Value, Unit]] = [
        ("effects", len(found), COUNT),
        ("everywhere", len(times), COUNT),
        ("waiting", len(found) - len(times), COUNT),
    ]
    return facts(name, *told, *spans(times))


def coverage(record: ReportRecord) -> tuple[FigureTable, FigureTable]:
    """The orders that every node has; and each order, with the share of nodes that have it."""
    nodes = len({each.node for each in record.node_states})
    newest: dict[str, EffectRow] = {}
    after = followers(record)
    for each in counting(record.effects, record.head, "enforce"):
        if each.order in after:
            continue
        if each.order not in newest or newest[each.order].effect < each.effect:
            newest[each.order] = each
    arrived: dict[tuple[str, int], list[ArrivalRow]] = {}
    for arrival in record.arrivals:
        arrived.setdefault((arrival.order, arrival.effect), []).append(arrival)
    everywhere = sum(each.everywhere_at > 0 for each in newest.values())
    whole = facts(
        "coverage",
        ("orders", len(newest), COUNT),
        ("everywhere", everywhere, COUNT),
        ("share", share(everywhere, len(newest)), SHARE),
    )
    grid = Grid("coverage_of", _COVERAGE)
    shown = sorted(newest, key=_number, reverse=True)
    rows = [
        _coverage_row(grid, newest[each], arrived.get((each, newest[each].effect), ()), nodes)
        for each in shown[:MOST_ORDERS]
    ]
    return whole, grid.table(tuple(rows), left_off=max(0, len(shown) - MOST_ORDERS))


def _number(reference: str) -> int:
    return int(reference.rpartition("-")[2])


def _coverage_row(grid: Grid, effect: EffectRow, arrivals: Sequence[ArrivalRow], nodes: int) -> FigureRow:
    told = [each for each in arrivals if each.applied_at > 0]
    have = len({each.node for each in told})
    whole = effect.nodes if effect.everywhere_at > 0 else max(have, nodes)
    first = min((each.applied_at for each in told), default=None)
    everywhere = effect.everywhere_at if effect.everywhere_at > 0 else None
    values = (have, whole, share(have, whole), first, everywhere)
    return grid.row(effect.order, Label(LabelKind.DATA, effect.order), values)


def totals(record: ReportRecord) -> FigureTable:
    """The numbers that the public is told of all orders together."""
    names = (
        *("received", "accepted", "ended", "standing", "entries_added", "entries_removed"),
        *("entries_standing", "confidential", "wide", "emergency_ends", "quarantined"),
    )
    found = counts(record, record.orders)
    return facts("totals", *((name, found[name], COUNT) for name in names))


def by_ground(record: ReportRecord) -> FigureTable:
    """Orders by authority and ground for the public: small groups together, confidential ones apart."""
    grid, small = Grid("by_ground", _BY_GROUND), record.head.small
    groups = _groups(each for each in record.orders if not each.confidential)
    rows = [
        grid.row(f"{key(authority)}.{key(ground)}", _ground(authority, ground), _public(record, some))
        for (authority, ground), some in sorted(groups.items())
        if _size(record, some) >= small
    ]
    others = [each for some in groups.values() if _size(record, some) < small for each in some]
    hidden = [each for each in record.orders if each.confidential]
    for name, some in (("others", others), ("confidential", hidden)):
        if some:
            values = _public(record, some)
            shown = values if _size(record, some) >= small else (*values[:-2], None, None)
            rows.append(grid.row(name, Label(LabelKind.WORD, f"by_ground.{name}"), shown))
    return grid.table(tuple(rows), Chart(ChartKind.BARS, (2,)))


def _size(record: ReportRecord, rows: Sequence[OrderRow]) -> int:
    """The number of orders, those of a chain as one."""
    after = followers(record)
    return sum(each.order not in after for each in rows)


def _public(record: ReportRecord, rows: Sequence[OrderRow]) -> tuple[Value, ...]:
    found = counts(record, rows)
    theirs = {each.order for each in rows}
    effects = [each for each in counting(record.effects, record.head, "enforce") if each.order in theirs]
    times = [round(each, 3) for each in times_of(effects)]
    return (
        *(found[name] for name, _ in _BY_GROUND[:-2]),
        percentile(times, 50),
        max(times, default=None),
    )
