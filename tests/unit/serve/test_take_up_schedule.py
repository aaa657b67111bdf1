"""Control counts each day once, sees sudden growth, and says once why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.rule import Scope
from filterd.operations.orders import taking
from filterd.operations.reports import growth
from filterd.operations.service_page.gathering import service_facts
from filterd.operations.trail import statements
from filterd.serve.take_up_schedule import GROWTH_SECONDS, TakeUpSchedule
from filterd.store import take_up as rows
from filterd.store.errors import StoreBusyError
from filterd.telemetry import log
from tests.worlds.installation import NOW, install
from tests.worlds.reported import DAY, request


async def test_a_day_is_counted_once_and_sudden_growth_is_told(tmp_path: Path) -> None:
    installation = await install(tmp_path)
    async with installation.open("control", approvals=1) as context:
        schedule = TakeUpSchedule(context)
        await statements.make(context)
        await schedule.look()
        assert (schedule.metrics.counted_at, schedule.metrics.beyond) == (NOW, 0)
        async with context.store.read() as connection:
            assert await rows.newest(connection) == "2027-01-14"
        names = request(1, entries=tuple((f"n{each}.example", Scope.EXACT) for each in range(1_001)))
        await taking.add(context, names)
        installation.now = NOW + DAY
        await statements.make(context)
        await schedule.look()
        assert (schedule.metrics.growth, schedule.metrics.beyond) == (1_001, 1)
        assert [each.month for each in await growth.sudden(context)] == ["2027-01"]
        assert (await service_facts(context)).mandatory.growth[0].change == 1_001


async def test_a_failure_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def busy(*_: object) -> bool:
        message = "the store is busy"
        raise StoreBusyError(message)

    installation = await install(tmp_path)
    async with installation.open("control") as context:
        schedule = TakeUpSchedule(context)
        monkeypatch.setattr("filterd.operations.reports.take_up.is_due", busy)
        log.configure("control")
        for _ in range(2):
            await schedule.look()
            installation.now += GROWTH_SECONDS
        assert capsys.readouterr().err.count("the take-up of the day is not counted") == 1
        assert schedule.metrics.counted_at == 0.0
