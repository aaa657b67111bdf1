"""An import is killed and run again, and orders go past it: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import audit, subscribers
from filterd.operations.orders import showing, taking
from filterd.operations.orders.intake import OrderRequest
from tests.concurrency.importer import import_lines
from tests.worlds.installation import Installation, as_person, install

ROOT = Path(__file__).parents[2]
ROWS = 4_000


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    return await install(tmp_path)


def lines_file(directory: Path, rows: int) -> Path:
    """A file of so many lines, each second one opted in."""
    path = directory / "lines.csv"
    lines = [
        f"S{n},10.0.{n >> 8}.{n & 255},{'child' if n % 2 else ''},holder {n},call {n}\n" for n in range(rows)
    ]
    path.write_text("subscriber,prefixes,profile,who,reference\n" + "".join(lines))
    return path


async def start(installation: Installation, file: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.concurrency.importer", str(installation.base), str(file)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )


async def test_an_import_that_was_killed_goes_on_where_it_was(
    installation: Installation, tmp_path: Path
) -> None:
    file = lines_file(tmp_path, ROWS)
    process = await start(installation, file)
    assert process.stdout is not None
    acknowledged = 0
    while acknowledged < 1_500:
        acknowledged = int(await process.stdout.readline())
    process.kill()
    await process.wait()

    async with installation.open(clock=time.time) as context:
        kept = [each.id async for each in subscribers.list_subscribers(context)]
        assert {f"S{n}" for n in range(acknowledged)} <= set(kept)
        assert (await audit.verify(context)).holds
        left = await subscribers.opt_out(context, "S1")
        assert not left.choices.opted_in

        again = await import_lines(installation.base, file)
        assert (again.added, again.unchanged) == (ROWS - len(kept), len(kept))
        assert (again.rejected, again.changed) == (0, 0)
        states = Counter([each.choices.opted_in async for each in subscribers.list_subscribers(context)])
        assert states == {True: ROWS // 2 - 1, False: ROWS // 2 + 1}
        assert (await audit.verify(context)).holds


async def test_orders_and_choices_go_past_an_import(installation: Installation, tmp_path: Path) -> None:
    request = OrderRequest("SAT", "A. Official", "D-1", "LIVA", "order", (("bad.example", Scope.SUBTREE),))
    rows = 40_000
    async with installation.open(clock=time.time) as context:
        await subscribers.add(context, "first")
        process = await start(installation, lines_file(tmp_path, rows))
        assert process.stdout is not None
        await process.stdout.readline()
        for number in range(5):
            order = await taking.add(context, request)
            await taking.approve(as_person(context, "bob"), order.reference)
            evidence = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", f"T{number}")
            await subscribers.opt_in(context, "first", "child", evidence)
        assert (await subscribers.count(context))["opted_in"] < rows // 2, "the import was still under way"
        process.kill()
        await process.wait()
        assert (await subscribers.show(context, "first")).choices.opted_in
        assert (await showing.count(context))["accepted"] == 5
        assert (await audit.verify(context)).holds
