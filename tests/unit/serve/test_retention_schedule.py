"""Control deletes once a day what is past its term, and tells and counts what it cannot delete."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.operations import audit, subscribers
from filterd.operations.backup import backup
from filterd.operations.context import Context
from filterd.serve.retention_schedule import DAY_SECONDS, RETRY_SECONDS, RetentionSchedule
from filterd.telemetry import log
from tests.worlds.installation import Installation, install


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


async def runs(context: Context) -> int:
    """How often data was deleted."""
    return sum(each.entry.action == "retention.run" for each in await audit.tail(context, 99))


@pytest.mark.ring("merge")
async def test_it_runs_once_a_day_and_not_at_the_start(installation: Installation) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "home")
        schedule = RetentionSchedule(context, installation.clock)
        await schedule.look()
        assert await runs(context) == 0
        assert schedule.metrics.last_run == 0.0
        installation.now += RETRY_SECONDS
        for _ in range(3):
            await schedule.look()
        assert await runs(context) == 1
        assert schedule.metrics.last_run == installation.now
        assert schedule.metrics.requests == {"open": 0, "overdue": 0}
        assert schedule.reviews == {"open": 0, "appealed": 0, "overdue": 0}
        installation.now += DAY_SECONDS
        await schedule.look()
        assert await runs(context) == 2


@pytest.mark.ring("merge")
async def test_what_cannot_be_deleted_is_counted_and_tried_again(
    installation: Installation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("control")
    async with installation.open() as context:
        for name in ("old", "new"):
            await backup(context, tmp_path / name)
            installation.now += 1
        installation.now += 40 * DAY_SECONDS
        schedule = RetentionSchedule(context, installation.clock)
        installation.now += RETRY_SECONDS

        def refuse(_path: str) -> None:
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as held:
            held.setattr("shutil.rmtree", refuse)
            await schedule.look()
            installation.now += RETRY_SECONDS
            await schedule.look()
        assert schedule.metrics.overdue["backups"] == 1
        assert "".join(capsys.readouterr()).count("data stays beyond its term") == 1
        installation.now += RETRY_SECONDS
        await schedule.look()
        assert schedule.metrics.overdue["backups"] == 0
        assert not (tmp_path / "old").exists()


@pytest.mark.ring("merge")
async def test_a_clock_that_leaps_ahead_deletes_nothing_for_an_hour(
    installation: Installation, tmp_path: Path
) -> None:
    ticks = [0.0]
    async with installation.open() as context:
        for name in ("old", "new"):
            await backup(context, tmp_path / name)
            installation.now += 1
        schedule = RetentionSchedule(context, lambda: ticks[0])

        async def after(seconds: float) -> None:
            ticks[0] += seconds
            installation.now += seconds
            await schedule.look()

        await after(RETRY_SECONDS)
        assert await runs(context) == 1
        right = installation.now
        installation.now += 400 * DAY_SECONDS
        await after(60)
        await after(RETRY_SECONDS - 61)
        assert await runs(context) == 1
        installation.now = right + RETRY_SECONDS
        await after(60)
        assert await runs(context) == 1, "it was set right in time: not a day has passed"
        assert (tmp_path / "old").exists()
        installation.now += 400 * DAY_SECONDS
        for _ in range(61):
            await after(60)
        assert await runs(context) == 2, "nobody says that it is wrong"
        assert not (tmp_path / "old").exists()
