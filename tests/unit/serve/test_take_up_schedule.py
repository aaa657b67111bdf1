"""Control counts each day once, sees sudden growth, and says once why it cannot."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import subscribers
from filterd.operations.orders import taking
from filterd.operations.reports import growth, take_up
from filterd.operations.reports.about_people import OPTED_IN
from filterd.operations.reports.take_up import midnight
from filterd.operations.service_page.gathering import service_facts
from filterd.operations.trail import statements
from filterd.serve.take_up_schedule import GROWTH_SECONDS, TakeUpSchedule
from filterd.store import take_up as rows
from filterd.store.errors import StoreBusyError
from filterd.telemetry import log
from tests.worlds.installation import NOW, install
from tests.worlds.reported import DAY, request


@pytest.mark.ring("merge")
async def test_a_day_is_counted_once_and_sudden_growth_is_told(tmp_path: Path) -> None:
    installation = await install(tmp_path)
    async with installation.open("control", approvals=1) as context:
        schedule = TakeUpSchedule(context)
        await statements.make(context)
        await schedule.look()
        ended = midnight(context, date(2027, 1, 15))
        assert (schedule.metrics.counted_until, schedule.metrics.beyond) == (ended, 0)
        names = request(1, entries=tuple((f"n{each}.example", Scope.EXACT) for each in range(1_001)))
        await taking.add(context, names)
        installation.now = NOW + DAY
        await statements.make(context)
        await schedule.look()
        assert (schedule.metrics.growth, schedule.metrics.beyond) == (1_001, 1)
        assert [each.month for each in await growth.sudden(context)] == ["2027-01"]
        assert (await service_facts(context)).mandatory.growth[0].change == 1_001


@pytest.mark.ring("merge")
@pytest.mark.parametrize("ahead", [1, 40])
async def test_a_clock_that_was_ahead_stops_no_count(tmp_path: Path, ahead: int) -> None:
    """Its days are counted anew when its day is over, and the metric tells the newest such day."""
    installation = await install(tmp_path)
    async with installation.open("control") as context:
        schedule = TakeUpSchedule(context)
        await schedule.look()
        installation.now = NOW + ahead * DAY
        await schedule.look()
        installation.now = NOW
        await schedule.look()
        assert schedule.metrics.counted_until == midnight(context, date(2027, 1, 15))
        await subscribers.add(context, "late")
        await subscribers.opt_in(
            context, "late", "child", RequestEvidence("holder", "x", NOW, "2026-11", "1")
        )
        for day in range(1, ahead + 3):
            installation.now = NOW + day * DAY
            assert await take_up.is_due(context)
            await schedule.look()
            assert not await take_up.is_due(context)
        async with context.store.read() as connection:
            counted = await rows.between(connection, "2027-01-15", "2028")
        having = [count for _, subject, count in counted if subject == OPTED_IN]
        assert having == [1] * (ahead + 2)


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
        assert schedule.metrics.counted_until == 0.0
