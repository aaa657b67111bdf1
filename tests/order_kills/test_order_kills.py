"""A part of the campaign (``make order-kills`` is the whole of it), and that it notices what it is for."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from filterd.operations.orders import taking
from filterd.operations.trail import checkpoints
from tests.order_kills import acts
from tests.order_kills.judge import Known, judged
from tests.worlds.backups import request
from tests.worlds.installation import Installation, install

ROOT = Path(__file__).parents[2]
ADDED = ["done", "order.add", "O-1", "pending"]


def test_nothing_acknowledged_is_lost_and_nothing_is_torn() -> None:
    words = [sys.executable, "-m", "tests.order_kills", "--kills", "25", "--commands", "2", "--seed", "7"]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "25 kills" in run.stdout
    assert "0 kills after which something was lost or torn" in run.stdout


@pytest.fixture
async def one(tmp_path: Path) -> Installation:
    """An installation with an order and a checkpoint."""
    made = await install(tmp_path)
    async with made.open(acts.FIRST) as context:
        await taking.add(context, request("one.example"))
        await checkpoints.make(context)
    return made


def change(made: Installation, statement: str) -> None:
    """Change the store by hand."""
    with closing(sqlite3.connect(made.database)) as raw, raw:
        raw.execute(statement)


async def test_what_was_said_and_is_there_has_no_fault(one: Installation) -> None:
    known = Known()
    assert await judged(one.base, known, [ADDED, ["done", acts.CHECKPOINT, "", "1"]]) == []
    assert known.states == {"O-1": "pending"}
    assert await judged(one.base, known, [["begun", "order.approve", "O-1"]]) == [], "it had not come in"


async def test_an_act_that_came_in_unsaid_is_no_fault(one: Installation) -> None:
    assert await judged(one.base, Known(), [["begun", "order.add", ""]]) == []


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ([ADDED, ["done", "order.add", "O-2", "pending"]], "O-2 was acknowledged as pending, and is gone"),
        ([ADDED, ["done", "order.approve", "O-1", "accepted"]], "was acknowledged as accepted"),
        ([ADDED, ["done", acts.CHECKPOINT, "", "2"]], "checkpoint 2 was acknowledged, and is gone"),
        ([], "the trail has"),
    ],
)
async def test_what_was_said_and_is_not_there_is_a_fault(
    one: Installation, said: list[list[str]], fault: str
) -> None:
    assert any(fault in each for each in await judged(one.base, Known(), said))


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE orders SET document = 'D-2'", "order:O-1"),
        ("UPDATE orders SET state = 'accepted'", "order:O-1"),
        ("UPDATE audit SET actor = 'eve' WHERE sequence = 1", "the trail"),
        ("DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)", "the trail"),
        ("UPDATE change SET payload = '{}' WHERE revision = 1", "the change log"),
        ("UPDATE head SET revision = revision - 1", "the store"),
        ("UPDATE checkpoint SET text = replace(text, 'T', 't')", "checkpoint"),
    ],
)
async def test_what_is_torn_is_a_fault(one: Installation, statement: str, fault: str) -> None:
    change(one, statement)
    faults = await judged(one.base, Known(), [ADDED])
    assert any(each.startswith(fault) for each in faults), faults
