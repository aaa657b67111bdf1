"""Figures as pure functions of a record: ranks, shares, small numbers, clips at the range, growth."""

from __future__ import annotations

import csv
import io
import math
import runpy
import sys
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from filterd.model.report_record import (
    AnswerRow,
    CapacityRow,
    CountDayRow,
    DeadlineRow,
    EffectRow,
    ListPeriodRow,
    NodeStateRow,
    OrderRow,
    RecordHead,
    ReportRecord,
)
from filterd.operations.evidence_pack import record_files
from filterd.operations.evidence_pack.parts import SCRIPTS
from filterd.operations.reports import figures, forms, making
from filterd.operations.reports.halves import whole_halves
from filterd.operations.reports.measures import percentile, told_apart, told_part, told_sum
from filterd.operations.reports.presets import presets
from filterd.operations.reports.shape import key

HEAD = RecordHead("i", "p", "mx", "UTC", 1_000.0, 2_000.0, 3_000.0, 1, "h", 10, begins_on="2026-07-01")
counts = st.integers(0, 40)


def record(**tables: object) -> ReportRecord:
    """A record with these tables."""
    return replace(ReportRecord(HEAD), **tables)  # type: ignore[arg-type]  # fields by name


def order(number: int, **values: object) -> OrderRow:
    """An order of the tax office."""
    made = OrderRow(
        *(f"O-{number}", "sat", "liva", "law", False, False, "accepted", 2, 1_100.0, 1_110.0, 0.0, 1),
        emergency=False,
        reviewed_at=0.0,
    )
    return replace(made, **values)  # type: ignore[arg-type]  # fields by name


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_the_nearest_rank(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(each <= found for each in values) * 100 >= percent * len(values)
    assert sum(each < found for each in values) * 100 < percent * len(values)


@given(st.dictionaries(st.sampled_from("abcd"), counts, min_size=1))
def test_no_small_number_follows_from_a_sum(parts: dict[str, int]) -> None:
    told = told_apart(parts, 10)
    assert all(count is None or count == 0 or count >= 10 for count in told.values())
    hidden = [name for name, count in told.items() if count is None]
    if 0 < sum(parts[name] for name in hidden) < 10 or len(hidden) == 1:  # which the sum would tell
        assert not any(count for name, count in told.items() if name not in hidden)


def test_two_small_parts_do_not_follow_from_their_sum() -> None:
    parts = {"mandatory": 20, "parental": 1, "security": 1, "unknown": 0}
    assert told_apart(parts, 10) == dict.fromkeys(("mandatory", "parental", "security"), None) | {
        "unknown": 0
    }
    assert told_apart({"a": 30, "b": 12, "c": 8, "d": 3}, 10) == {"a": 30, "b": 12, "c": None, "d": None}


@given(st.lists(st.one_of(st.none(), st.integers(10, 40)), max_size=3))
def test_a_sum_is_told_where_each_of_its_parts_is(parts: list[int | None]) -> None:
    assert told_sum(parts) == (sum(each or 0 for each in parts) if parts and None not in parts else None)


def test_half_years_lie_whole_in_a_range_and_are_over() -> None:
    def at(year: int, month: int, day: int = 1) -> float:
        return datetime(year, month, day, tzinfo=ZoneInfo("America/Mexico_City")).timestamp()

    first, second = (at(2027, 1), at(2027, 7)), (at(2027, 7), at(2028, 1))
    wanted = {
        (at(2027, 1), at(2028, 1)): (first, second),
        (at(2027, 1), at(2027, 12, 31)): (first,),
        (at(2027, 1, 2), at(2028, 6, 30)): (second,),
        (at(2027, 1, 2), at(2027, 12, 31)): (),
    }
    assert {days: whole_halves("America/Mexico_City", *days) for days in wanted} == wanted


@given(counts, counts)
def test_a_part_tells_no_small_rest(count: int, rest: int) -> None:
    told = told_part(count, count + rest, 10)
    assert told is None or (told == count and not 0 < rest < 10 and not 0 < count < 10)


def test_deadlines_are_kept_until_their_last_second() -> None:
    rows = (
        DeadlineRow("O-1", "enforce", 1_500.0, 1_500.9),
        DeadlineRow("O-2", "enforce", 1_500.0, 1_501.0),
        DeadlineRow("O-3", "enforce", 1_500.0, 0.0, over_at=1_400.0),
        DeadlineRow("O-4", "enforce", 2_500.0, 0.0),
    )
    found = figures.compliance(record(deadlines=rows)).figures()
    wanted = {"due": 2, "kept": 1, "missed": 1, "void": 1, "kept_share": 0.5}
    assert {name: found[f"deadlines.enforce.{name}"] for name in wanted} == wanted


def test_orders_count_where_their_moment_is_in_the_range() -> None:
    rows = (
        order(1),
        order(2, received_at=999.0, accepted_at=1_000.0),
        order(3, received_at=2_000.0, accepted_at=0.0, state="pending"),
        order(4, ended_at=1_999.0, state="lifted"),
    )
    found = figures.compliance(record(orders=rows)).figures()
    assert (found["orders.received"], found["orders.accepted"], found["orders.ended"]) == (2, 3, 1)
    assert (found["orders.standing"], found["orders.waiting"], found["orders.entries_standing"]) == (2, 1, 4)


def test_small_groups_of_orders_stand_together_in_public() -> None:
    rows = (*(order(each) for each in range(5)), *(order(5 + each, authority="impi") for each in range(4)))
    found = figures.transparency(record(orders=rows)).figures()
    assert (found["by_ground.sat.liva.received"], found["by_ground.others.received"]) == (5, 4)
    assert "by_ground.impi.liva.received" not in found


def script_of(name: str) -> dict[str, Any]:
    """A script that goes with evidence packs."""
    before = list(sys.path)
    sys.path.insert(0, str(SCRIPTS))
    try:
        return runpy.run_path(str(SCRIPTS / name))
    finally:
        sys.path[:] = before


def test_the_table_of_digests_is_safe_in_a_spreadsheet_by_both_programs() -> None:
    """A text of a node that a spreadsheet would take for a formula stands behind an apostrophe."""
    evil = ListPeriodRow("resolver-1", "=1+1", "@7", "d" * 64, 1_100.0, 0.0)
    made = record_files.digests(record(list_periods=(evil,)))
    assert b"resolver-1,'=1+1,'@7," in made

    class Pack:
        def read(self, _: str) -> bytes:
            return made

    class Rows:
        def rows(self, _: str) -> list[dict[str, object]]:
            return [asdict(evil)]

    assert script_of("shown_figures.py")["of_digests"](Pack(), Rows()) == []


def by_script(of: ReportRecord, kind: str) -> dict[str, object]:
    """The figures as the script that goes with evidence packs computes them."""
    script = script_of("report_figures.py")
    tables = {name: [asdict(each) for each in rows] for name, rows in of.tables().items()}
    found: dict[str, object] = script["REPORTS"][kind](script["ReportRows"](asdict(of.head), tables))
    return found


def test_a_chain_of_orders_is_one_in_both_programs() -> None:
    """Five orders of one ground, of which one went on as two others; one that goes on from an order of an
    earlier range; and a pair with four orders in five rows."""
    ended = {"ended_at": 1_500.0, "state": "lifted"}
    rows = (
        *(order(each) for each in range(1, 5)),
        order(5, entries=5, **ended),
        order(6, entries=3, continues="O-5", accepted_at=1_500.0, ended_at=1_600.0, state="lifted"),
        order(7, entries=2, continues="O-6", accepted_at=1_600.0),
        order(8, entries=1, continues="O-0", received_at=500.0, accepted_at=900.0),
        *(order(each, authority="impi") for each in range(9, 12)),
        order(12, authority="impi", **ended),
        order(13, authority="impi", entries=1, continues="O-12", accepted_at=1_500.0),
    )
    effects = tuple(
        EffectRow(each.order, 1, "enforce", each.accepted_at, each.accepted_at, each.accepted_at + 2, 1)
        for each in rows
    )
    whole = record(orders=rows, effects=effects)
    for make in (figures.compliance, figures.transparency):
        made = make(whole)
        assert made.figures() == by_script(whole, made.kind)
    found = figures.compliance(whole).figures()
    wanted = {"received": 9, "accepted": 9, "ended": 0, "entries_added": 21, "entries_removed": 4}
    assert {name: found[f"orders.{name}"] for name in wanted} == wanted
    assert (found["acceptance.orders"], found["acceptance.max_seconds"]) == (9, 10.0)
    assert found["coverage.orders"] == 9
    public = figures.transparency(whole).figures()
    assert (public["by_ground.sat.liva.received"], public["by_ground.others.received"]) == (5, 4)


def test_availability_is_cut_to_the_range() -> None:
    rows = (
        NodeStateRow("a", "available", 500.0),
        NodeStateRow("a", "silent", 1_250.0),
        NodeStateRow("a", "available", 1_500.0),
    )
    found = figures.compliance(record(node_states=rows)).figures()
    assert (found["availability.a.seconds"], found["availability.a.silent_share"]) == (1_000.0, 0.25)
    assert found["availability.a.interruptions"] == 1


def test_growth_is_told_beyond_the_threshold() -> None:
    days = [("2026-06-30", 1_000), ("2026-07-31", 1_100), ("2026-08-31", 1_400), ("2026-09-30", 1_300)]
    made = figures.transparency(
        record(days=tuple(CountDayRow(day, "mandatory.names", count) for day, count in days))
    )
    found = made.figures()
    assert [found[f"growth.2026-{month:02}.beyond"] for month in (7, 8, 9)] == [0, 1, 0]
    assert found["growth.2026-08.share"] == 0.2727
    assert made.warnings == (figures.GREW,)
    assert "growth.2026-06.names" not in found


def test_a_text_is_no_formula_of_a_spreadsheet() -> None:
    evil = '=HYPERLINK("http://x.example")'
    made = figures.compliance(
        record(
            orders=(order(1, authority=evil, ground="@SUM(1)"),),
            answers=(AnswerRow("r", "sat", "d", 1, 1.0, 2.0, 0.0, "unprocessed", "-1+1"),),
            capacity=(CapacityRow("+sat", "names", 10, 5),),
        )
    )
    rows = list(csv.reader(io.StringIO(forms.as_csv(made).decode())))
    assert all(not cell.startswith(("=", "@", "+", "\t")) for row in rows for cell in row)
    assert any(row[5] == f"'{evil}: @SUM(1)" for row in rows)
    assert key(evil).startswith("x-")
    assert all(math.isfinite(float(row[1])) for row in rows[1:] if row[1] and row[2] == "count")


def test_presets_have_no_table_twice_and_the_same_record_makes_the_same_bytes() -> None:
    whole = record(orders=(order(1),))
    for each in presets().values():
        made = making.whole(whole, each.kind, each)
        tables = [table.id for table in made.tables()]
        assert len(set(tables)) == len(tables)
        assert forms.as_json(made) == forms.as_json(making.whole(whole, each.kind, each))
        ids = [figure.id for table in made.tables() for row in table.rows for figure in row.figures]
        assert len(set(ids)) == len(ids)
