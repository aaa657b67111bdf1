"""The bench's worst answers: each shape is an answer, and the table says how each query ended."""

from __future__ import annotations

from pathlib import Path

import dns.message
import pytest
from bench import bad_upstream, worst, worst_floods
from bench.shapes import SHAPES, WHOLE, Shape, addresses, chain, hints, longest, plain
from bench.worst_report import KEPT, kept

SMALL = (Shape("one", plain, 1), Shape("{} hints", hints, 20, fixed=False), Shape("{} names", chain, 2))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda each: f"{each.make.__name__}-{each.most}")
def test_a_shape_is_an_answer_to_its_question(shape: Shape) -> None:
    asked = shape.make(shape.most, "n1")
    assert len(asked.answer) <= WHOLE
    assert bad_upstream.question_of(asked.answer) == bad_upstream.question_of(asked.query)
    assert asked.answer[6:8] != b"\0\0"
    assert asked.answer != shape.make(shape.most, "n2").answer


def test_the_longest_name_is_one() -> None:
    assert len(longest("n1", 5)) == 255
    assert len({longest("n1", number) for number in range(500)}) == 500


def test_every_setting_of_every_shape_has_a_cell() -> None:
    rows = worst.measure(SMALL, span=0.0001, repeats=1)
    assert [row.shape for row in rows] == ["one", "20 hints", "2 names"]
    for row in rows:
        assert set(row.cells) == {setting.name for setting in worst.SETTINGS}
        assert all(cell.micros > 0 for cell in row.cells.values())
        assert row.cells["ordered"].outcome == "blocked"
        assert row.cells["any client"].outcome == "answered"
        assert worst.from_dict(row.as_dict()) == row


def test_what_is_cut_and_what_is_refused_is_named() -> None:
    cut = worst.measure([Shape("many", addresses, 100)], span=0.0001, repeats=1)[0]
    assert cut.cells["any client"].outcome == "cut"
    assert worst._outcome(b"\0\0\x81\x82" + bytes(8)) == "refused"
    assert worst._outcome(None) == "unanswered"


def test_the_table_compares_and_judges() -> None:
    def row(name: str, micros: float, outcome: str) -> worst.Row:
        cells = {setting.name: worst.Cell(micros, outcome) for setting in worst.SETTINGS}
        return worst.Row(name, cells)

    rows = [row("9 hints", 8.0, "refused"), row("a chain", 61.0, "answered")]
    before = [row("99 hints", 9_000.0, "blocked")]
    lines = worst.table(rows, before)
    assert lines[2].startswith("| 9 hints (before: 99 hints) | 9,000 blocked → 8.0 refused |")
    assert lines[2].endswith("| met |")
    assert lines[3].startswith("| a chain | 61.0 |")
    assert lines[3].endswith("| missed |")


def test_a_flood_is_judged_by_what_others_lose_beyond_what_they_lose_anyway() -> None:
    calm = worst_floods.Seen(0.02, 0.1, 1.0, 0.05)
    lines = worst_floods.table(
        [
            worst_floods.Flood("a", calm, worst_floods.Seen(0.025, 0.1, 1.0, 0.06), ended=False),
            worst_floods.Flood("b", calm, worst_floods.Seen(0.04, None, None, 0.06), ended=False),
            worst_floods.Flood("c", calm, calm, ended=True),
        ]
    )
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["met", "missed", "the resolver ended"]


def test_what_is_kept_of_an_older_tree_is_read(tmp_path: Path) -> None:
    before = kept(KEPT)
    assert len(SHAPES) >= len(before.rows) > len(before.floods) > 0
    assert len(before.lines()) == len(before.rows) + len(before.floods) + 5
    assert kept(tmp_path / "absent").rows == ()
    assert worst_floods.from_dict(before.floods[0].as_dict() | {"met": True}) == before.floods[0]


def test_the_upstream_answers_whole_or_cut_and_anything_else_plainly(tmp_path: Path) -> None:
    small, large = plain(1, "n1"), addresses(500, "n2")
    bad_upstream.write_answers(tmp_path / "answers", [small, large])
    known = bad_upstream.read_answers(tmp_path / "answers")
    query = b"\x12\x34" + large.query[2:].replace(b"worst", b"WoRsT")
    whole = bad_upstream.reply(known, query, whole=True)
    assert whole[:2] == b"\x12\x34"
    assert b"WoRsT" in whole
    assert len(dns.message.from_wire(whole).answer[0]) == 500
    cut = bad_upstream.reply(known, query, whole=False)
    assert dns.message.from_wire(cut).flags & dns.flags.TC
    assert len(dns.message.from_wire(bad_upstream.reply(known, small.query, whole=False)).answer) == 1
    other = bad_upstream.reply(known, plain(1, "other").query, whole=False)
    assert len(dns.message.from_wire(other).answer) == 1
