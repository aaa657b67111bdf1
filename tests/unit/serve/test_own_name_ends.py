"""Control takes off the own names that ended, and says once when it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.operations import subscribers
from filterd.operations.ends import End
from filterd.serve import own_name_ends
from filterd.serve.own_name_ends import OwnNameEnds
from filterd.telemetry import log
from tests.worlds.installation import install

EVENT = "own names stay beyond their end"


async def test_every_line_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "ENDED_AT_ONCE", 2)
    monkeypatch.setattr(own_name_ends, "LOOK_SECONDS", 0.01)
    async with (await install(tmp_path)).open() as context:
        for number in range(5):
            await subscribers.add(context, f"S-{number}")
            await subscribers.allow(context, f"S-{number}", "a.example", end=End(60))
        later = replace(context, clock=lambda: context.clock() + 60)
        running = asyncio.get_running_loop().create_task(OwnNameEnds(later).run())
        async with asyncio.timeout(20):
            while any([each.choices.own_names async for each in subscribers.list_subscribers(context)]):
                await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_failure_is_said_once(tmp_path: Path) -> None:
    said = io.StringIO()
    log.configure("control", said)
    made = await install(tmp_path)
    async with made.open() as context:
        await subscribers.add(context, "S-1")
        await subscribers.allow(context, "S-1", "a.example", end=End(60))
        with closing(sqlite3.connect(made.database)) as raw, raw:
            raw.execute("UPDATE line_state SET adjustments = '{'")
        ends = OwnNameEnds(replace(context, clock=lambda: context.clock() + 60))
        await ends.look()
        await ends.look()
        assert said.getvalue().count(EVENT) == 1
        with closing(sqlite3.connect(made.database)) as raw, raw:
            raw.execute("UPDATE line_state SET adjustments = ''")
        await ends.look()
        assert (await subscribers.show(context, "S-1")).choices.own_names == ()
