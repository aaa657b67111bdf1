"""A platform whose visit fails, however it does, is told with its register and visited again later."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from filterd.operations.registers import showing
from filterd.serve import ticket_watch
from filterd.serve.ticket_watch import RETRY_SECONDS, TicketWatch
from filterd.telemetry import log
from tests.unit.operations.registers.conftest import TICKETS, adopted, with_registers
from tests.worlds.installation import install

ACCOUNT = {"account": "noc@isp.example", "password_file": "password"}


async def test_an_unforeseen_fault_is_told_and_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = []

    async def turn(*given: object) -> None:
        visits.append(given)
        raise LookupError("a.example")

    monkeypatch.setattr(ticket_watch, "turn_and_note", turn)
    installation = await install(tmp_path)
    register = {**TICKETS, "source": "https://192.0.2.1", "platform": ACCOUNT, "pull_every": "1h"}
    with_registers(installation, register)
    log.configure("control")
    async with installation.open("control") as context:
        await adopted(context, "live")
        watch = TicketWatch()

        async def look() -> None:
            watch.begin(context)
            assert not any(await asyncio.gather(*watch._running.values(), return_exceptions=True))

        for _ in range(3):
            await look()
        assert len(visits) == 1
        installation.now += RETRY_SECONDS + 1
        await look()
        assert len(visits) == 2
        told = (await showing.show(context, "live")).problem
        assert "a fault of filterd itself, please report it: LookupError" in told
        await watch.close()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [each["event"] for each in lines] == ["a platform of tickets was not visited"] * 2
    assert "a.example" not in json.dumps(lines)
