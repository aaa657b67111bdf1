"""When control signs, anchors and publishes by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.signing_settings import AnchorKind, AnchorSettings
from filterd.config.value_types import Seconds
from filterd.model.records import NodeReport
from filterd.operations.context import Context
from filterd.operations.signing import Purpose, file_of
from filterd.operations.trail import checkpoints
from filterd.serve.trail_schedule import TrailSchedule
from filterd.store import change_log
from filterd.store.errors import StoreUnwritableError
from tests.worlds.installation import Installation, install
from tests.worlds.trail import record, tamper


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


async def test_an_order_gets_its_checkpoint_at_the_next_look_and_the_rest_by_the_hour(
    installation: Installation,
) -> None:
    async with installation.open("control") as opened:
        settings = opened.settings
        late = replace(settings, signing=replace(settings.signing, statement_at="23:59"))
        context = replace(opened, settings=late)
        schedule = TrailSchedule(context)
        await schedule.look()
        assert await numbers(context) == [1]
        await record(context)
        await schedule.look()
        assert await numbers(context) == [1]
        assert schedule.metrics.uncovered == 1
        await record(context, subject="order:O-1")
        await schedule.look()
        assert await numbers(context) == [1, 2]
        await record(context)
        installation.now += 3600
        await schedule.look()
        assert await numbers(context) == [1, 2, 3]
        installation.now += 3600
        await schedule.look()
        assert await numbers(context) == [1, 2, 3], "the trail had not grown"
        assert schedule.metrics.uncovered == 0


async def numbers(context: Context) -> list[int]:
    """The checkpoints that there are."""
    return [each.number for each in await checkpoints.listed(context)]


async def test_the_end_of_the_process_is_covered(installation: Installation) -> None:
    async with installation.open("control") as context:
        schedule = TrailSchedule(context)
        task = asyncio.create_task(schedule.run())
        while not await numbers(context):
            await asyncio.sleep(0)
        await record(context)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        newest = await checkpoints.newest(context)
        assert newest is not None
        async with context.store.read() as connection:
            assert newest.audit_sequence == (await change_log.chain_end(connection))[0]


async def test_a_lost_key_is_noticed_without_any_entry(installation: Installation) -> None:
    async with installation.open("control") as context:
        schedule = TrailSchedule(context)
        await schedule.look()
        file_of(installation.settings, Purpose.RECEIPT).unlink()
        installation.now += 61
        await schedule.look()
        await schedule.look()
        assert schedule.metrics.keys_unexplained == 1


async def test_a_trail_that_was_altered_is_an_alarm(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    async with installation.open("control") as context:
        schedule = TrailSchedule(context)
        await schedule.look()
        await asyncio.to_thread(
            tamper, installation, "UPDATE audit SET hash = ? WHERE sequence = 2", "f" * 64
        )
        await record(context, subject="order:O-1")
        await schedule.look()
        await schedule.look()
        assert schedule.metrics.refused
        assert await numbers(context) == [1]


async def test_an_anchor_is_served_and_counted(installation: Installation, tmp_path: Path) -> None:
    anchor = AnchorSettings(
        "worm", AnchorKind.FILE, tmp_path / "heads", "", None, None, None, Seconds(0), Seconds(5)
    )
    async with installation.open("control") as opened:
        settings = opened.settings
        context = replace(
            opened, settings=replace(settings, signing=replace(settings.signing, anchors=(anchor,)))
        )
        schedule = TrailSchedule(context)
        await schedule.look()
        while not (tmp_path / "heads").exists() or schedule.metrics.anchors["worm"].waiting:
            await schedule.look()
            await asyncio.sleep(0)
        assert schedule.metrics.anchors["worm"].failures == 0
        assert len((tmp_path / "heads").read_text().splitlines()) == len(await numbers(context))


async def test_a_store_that_takes_no_entry_costs_a_report_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open("control") as context:
        schedule = TrailSchedule(context)
        report = NodeReport("resolver-1", context.clock(), 1, 1, "", ready=True, lists={})
        with monkeypatch.context() as broken:
            broken.setattr(context.store, "write", refused)
            await schedule.hear(report)
        async with context.store.read() as connection:
            assert await change_log.entries(connection) == []
        await schedule.hear(report)
        async with context.store.read() as connection:
            assert [each.entry.action for each in await change_log.entries(connection)] == ["node.state"]


def refused(*_: object, **__: object) -> object:
    """Fail as a store on a full disk does."""
    message = "the disk is full"
    raise StoreUnwritableError(message)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signing_key SET how = 'x', public_key = '%'",
        "UPDATE checkpoint SET text = 'x'",
        "UPDATE checkpoint SET text = '{}', audit_hash = '', number = 7",
        "DELETE FROM signing_key",
        "UPDATE installation SET id = ''",
        "UPDATE statement SET text = 'x'",
        "UPDATE anchor_state SET trouble = 'x', failures = 99",
    ],
)
async def test_no_altered_row_stops_control(
    installation: Installation, tmp_path: Path, statement: str
) -> None:
    anchor = AnchorSettings(
        "worm", AnchorKind.FILE, tmp_path / "heads", "", None, None, None, Seconds(0), Seconds(5)
    )
    async with installation.open("control") as opened:
        settings = opened.settings
        early = replace(settings.signing, anchors=(anchor,), statement_at="00:00")
        context = replace(opened, settings=replace(settings, signing=early))
        schedule = TrailSchedule(context)
        await schedule.look()
        while schedule.metrics.anchors["worm"].waiting or not (tmp_path / "heads").exists():
            await schedule.look()
            await asyncio.sleep(0)
        await asyncio.to_thread(tamper, installation, statement)
        for _ in range(3):
            await record(context, subject="order:O-1")
            installation.now += 61
            await schedule.look()
            await asyncio.sleep(0)
