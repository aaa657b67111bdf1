"""Evidence packs: what they hold, that the same store gives the same bytes, and that both programs agree."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.operations.context import OperationError
from filterd.operations.evidence_pack import parts, scope
from filterd.operations.orders import due, taking
from tests.unit.operations.evidence_pack.conftest import Packed
from tests.worlds import packed, reported
from tests.worlds.installation import NOW, Installation, install
from tests.worlds.reported import DAY


@pytest.mark.ring("night")
def test_both_programs_find_nothing_in_an_honest_pack(range_pack: Packed) -> None:
    first, second = packed.by_filterd(range_pack.path), packed.by_script(range_pack.path)
    assert first.faults == []
    assert second.code == 0, second.said
    assert "no fault found" in second.said
    assert {each.name: each.differ for each in first.reports} == {
        f"reports/{each}.json": 0 for each in ("categories", "compliance", "transparency")
    }
    assert sum(each.figures for each in first.reports) > 300
    assert second.said.count(" 0 differ") == 3


@pytest.mark.ring("night")
def test_it_says_what_is_proven_and_what_is_the_operators_word(range_pack: Packed) -> None:
    proof, said = packed.by_filterd(range_pack.path), packed.by_script(range_pack.path).said
    assert proof.proven["orders"] == 8
    assert proof.signed["complaints"] == 13
    assert proof.proven["arrivals"] == 9
    assert "orders: 8 proven by the trail, 0 from the record, signed" in said
    assert "complaints: 0 proven by the trail, 13 from the record, signed: the trail withholds" in said
    assert re.search(r"compliance.json: \d+ figures.* [1-9]\d+ proven by the trail, [1-9]\d+ from the", said)


@pytest.mark.ring("night")
async def test_the_same_store_and_clock_give_the_same_bytes(range_pack: Packed, tmp_path: Path) -> None:
    async with range_pack.installation.open("ana", approvals=1) as context:
        await packed.write(context, tmp_path / "again.tar", packed.RANGE)
    assert (tmp_path / "again.tar").read_bytes() == range_pack.path.read_bytes()
    assert not list(tmp_path.glob(".*")), "nothing of the making stays"


@pytest.mark.ring("night")
async def test_the_pack_of_one_order_has_nothing_of_another(tmp_path: Path) -> None:
    installation = await install(tmp_path / "filterd")
    async with installation.open("ana", approvals=1) as context:
        for number in (1, 2):
            await taking.add(context, reported.request(number))
        installation.now += 60
        done = await packed.write(context, tmp_path / "one.tar", {"order": "o-2"}, pdf=True)
    files = packed.files_of(tmp_path / "one.tar")
    assert done.files == len(files)
    assert b"plantado1" not in (tmp_path / "one.tar").read_bytes()
    assert b"JD/1" not in (tmp_path / "one.tar").read_bytes()
    assert [each["order"] for each in packed.rows_of(files, "orders")] == ["O-2"]
    assert [each for each in files if each.startswith("receipts/")] == [
        "receipts/O-2.json",
        "receipts/O-2.pdf",
    ]
    assert not any(each.startswith("reports/") for each in files)
    assert packed.by_filterd(tmp_path / "one.tar").faults == []
    assert packed.by_script(tmp_path / "one.tar").code == 0


@pytest.mark.ring("night")
async def test_nothing_is_demanded_of_a_node_that_the_trail_does_not_tell_exactly(tmp_path: Path) -> None:
    installation = await install(tmp_path / "filterd")
    node: reported.ReportedNode | None = None
    second = replace(reported.WORST, version="2", digest="e" * 64, since=NOW + 5 * DAY)
    third = replace(second, since=NOW + 20 * DAY)
    async with installation.open("ana", approvals=1) as context:
        await taking.add(context, reported.request(1))
        for day, feeds, restarts, began in (
            (0, (reported.WORST, replace(reported.WORST, label="ends-untold")), True, -50),
            (5, (second,), True, -50),  # control began anew, and tells nothing of the list that ended
            (8, (second,), False, -50),
            (20, (third,), False, 20),  # the node was down for twelve days
        ):
            installation.now = NOW + day * DAY
            node = reported.ReportedNode(context, installation.now) if restarts or node is None else node
            await node.tell(installation.now, feeds=feeds, began_at=NOW + began * DAY)
        installation.now += 60
        await due.reported(context, "O-1", report="R-1", at=NOW + 2)
        installation.now += DAY
        for first, last, lists in ((-2, 30, 3), (1, 3, 2), (6, 7, 1), (10, 14, 0), (15, 30, 1)):
            since, until = (scope.day_of(context, NOW + each * DAY).isoformat() for each in (first, last))
            await packed.write(context, tmp_path / "pack.tar", {"since": since, "until": until})
            rows = packed.rows_of(packed.files_of(tmp_path / "pack.tar"), "list_periods")
            assert len({(each["label"], each["version"]) for each in rows if each["label"]}) == lists
            assert packed.by_filterd(tmp_path / "pack.tar").faults == [], (first, last)
            said = packed.by_script(tmp_path / "pack.tar")
            assert said.code == 0, (first, last, said.said)


@pytest.mark.ring("night")
async def test_what_is_deleted_or_too_much_is_said(tmp_path: Path) -> None:
    installation = await install(tmp_path / "filterd")
    async with installation.open("ana", approvals=1) as context:
        await taking.add(context, reported.request(1))
        installation.now += 1_200 * DAY
        done = await packed.write(
            context, tmp_path / "pack.tar", {"since": "2027-01-01", "until": "2027-02-01"}
        )
    assert [each["name"] for each in done.left_out] == ["*.pdf", "record/list_periods.jsonl"]
    assert packed.by_filterd(tmp_path / "pack.tar").faults == []
    said = packed.by_script(tmp_path / "pack.tar")
    assert said.code == 0
    assert "left out: record/list_periods.jsonl: periods of lists that ended before 2027-" in said.said


@pytest.mark.parametrize("page", ["README.md", "LEEME.md"])
def test_its_instructions_are_executed_in_an_empty_directory(
    range_pack: Packed, tmp_path: Path, page: str
) -> None:
    shutil.copy(range_pack.path, tmp_path / "evidence.tar")
    shutil.copy(range_pack.path.with_name("PUB.pem"), tmp_path)
    commands = re.findall(r"```sh\n(.+?)```", range_pack.files[page].decode(), re.DOTALL)
    assert len(commands) == 3
    for command in commands:
        done = _run(command, tmp_path)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    (tmp_path / "pack" / "record" / "orders.jsonl").write_text("{}\n")
    assert _run(commands[1], tmp_path).returncode != 0
    (tmp_path / "pack" / "manifest.json").write_bytes(
        range_pack.files["manifest.json"].replace(b'"country":"mx"', b'"country":"pl"')
    )
    assert _run(commands[2], tmp_path).returncode != 0


def _run(command: str, where: Path) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=where, env=clean, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "of",
    [
        {},
        {"order": "O-1", "since": "2026-12-06", "until": "2026-12-07"},
        {"since": "2026-12-06"},
        {"since": "2026-12-07", "until": "2026-12-06"},
        {"since": "monday", "until": "2026-12-06"},
        {"since": "2020-01-01", "until": "2026-12-06"},
        {"since": "2099-01-01", "until": "2099-12-06"},
        {"order": "O-99"},
        {"order": "O-99999999999999999999999"},
    ],
)
async def test_what_is_no_scope_is_refused(installation: Installation, of: dict[str, str]) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError) as refused:
            await scope.scope_of(context, **of)
    assert refused.value.remedy


def test_the_independent_script_is_plain_python_3_8_and_knows_nothing_of_filterd() -> None:
    modules = {each.stem for each in parts.SCRIPTS.glob("*.py")}
    for path in parts.SCRIPTS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 8))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            outside = {each.partition(".")[0] for each in names} - modules - set(sys.stdlib_module_names)
            assert outside == set(), path
