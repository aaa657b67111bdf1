"""A list of a category that is damaged keeps the last of its rules, and keeps no mandatory list waiting."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from filterd.disk.keys import FINGERPRINT_KEY
from filterd.operations import audit, snapshots
from filterd.operations.backup import backup
from filterd.operations.compile import StandIn
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, enabling, rule_files, updating
from filterd.operations.keys import load_key
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.snapshot import contains
from filterd.serve import maintenance as upkeep
from filterd.serve.maintenance import Maintenance
from filterd.telemetry import log
from tests.worlds.backups import put_back
from tests.worlds.fetched import fetched, fetching
from tests.worlds.installation import NOW, Installation
from tests.worlds.list_server import Fault

OLD, NEW = "adult.example\nblue.example\nred.example\n", "adult.example\nblue.example\ngreen.example\n"


def names(context: Context, *asked: str) -> set[str]:
    """Those of some names that the snapshot in force has."""
    snapshot = snapshots.open_current(context)
    key = load_key(context.settings, FINGERPRINT_KEY)
    return {name for name in asked if contains(snapshot, fingerprint_name(key, name))}


def rules(context: Context, version: int) -> Path:
    return rule_files.rule_file(context.settings.state_dir, "adult-starter", version)


async def in_force(installation: Installation, context: Context) -> None:
    """A snapshot of the first lists, and then a new name in the mandatory one."""
    await updating.update(context)
    await snapshots.build(context)
    installation.write_policy("lists/worst.txt", "worst.example\nworse.example\n")


DAMAGE = {
    "digest": "UPDATE feed_version SET digest = 'no'",
    "gone": "UPDATE feed_version SET state = 'superseded'",
    "lost": "DELETE FROM feed_version",
}


@pytest.mark.ring("night")
@pytest.mark.parametrize("how", DAMAGE)
async def test_a_damaged_row_keeps_no_mandatory_list_waiting(installation: Installation, how: str) -> None:
    async with installation.open() as context:
        await in_force(installation, context)
        await updating.update(context, ["worst-of"])
        with closing(sqlite3.connect(installation.database)) as raw, raw:
            raw.execute(f"{DAMAGE[how]} WHERE feed = 'adult-starter'")
        built = await snapshots.make(context)
        assert built.stand_ins == (StandIn("adult-starter", 1),)
        assert names(context, "worse.example", "red.example") == {"worse.example", "red.example"}
        (fault,) = await audit.compare(context)
        assert fault.subject == "feed:adult-starter", "it is damage still"


@pytest.mark.ring("night")
async def test_a_file_that_was_altered_has_the_rules_of_the_snapshot_in_force(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await in_force(installation, context)
        installation.write_policy("lists/adult.txt", NEW)
        await updating.update(context)
        rules(context, 2).write_bytes(b"nothing.example\n")
        built = await snapshots.make(context)
        assert built.stand_ins == (StandIn("adult-starter", 1),)
        found = names(context, "worse.example", "red.example", "green.example", "nothing.example")
        assert found == {"worse.example", "red.example"}


@pytest.mark.ring("night")
async def test_without_any_whole_file_it_is_left_out_only_for_a_mandatory_list(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await in_force(installation, context)
        rules(context, 1).unlink()
        with pytest.raises(OperationError, match="not built"):
            await snapshots.build(context)
        assert names(context, "red.example"), "the snapshot before it stays"
        await updating.update(context, ["worst-of"])
        built = await snapshots.make(context)
        assert [str(each) for each in built.stand_ins] == ["adult-starter (left out)"]
        assert names(context, "worse.example", "red.example") == {"worse.example"}
        await updating.update(context)
        assert (await snapshots.make(context)).stand_ins == ()
        assert names(context, "red.example")


async def test_a_mandatory_list_has_no_stand_in(installation: Installation) -> None:
    async with installation.open() as context:
        await in_force(installation, context)
        with closing(sqlite3.connect(installation.database)) as raw, raw:
            raw.execute("UPDATE feed_version SET digest = 'no' WHERE feed IN ('worst-of', 'adult-starter')")
        with pytest.raises(OperationError, match=r"not what was decided: feed:worst-of$"):
            await snapshots.build(context)


@pytest.mark.ring("merge")
async def test_a_restore_lifts_no_feed_that_was_enabled_after_the_backup(tmp_path: Path) -> None:
    async with fetched(tmp_path) as world:
        world.offer("far", b"far.example\n")
        async with world.open() as context:
            await snapshots.build(context)
            await backup(context, tmp_path / "backup")
            await enabling.enable(context, "far")
            await updating.update(context, fetching=fetching())
            await snapshots.build(context)
        world.server.faults["far"] = Fault.SERVER_ERROR
        done = await put_back(world.installation, tmp_path / "backup")
        assert ["feed far" in each for each in done.remarks] == [True]
        async with world.open() as context:
            built = await snapshots.make(context)
            assert built.stand_ins == (StandIn("far", 1),)
            assert names(context, "far.example")
            assert await audit.compare(context) == ()
            await adoption.retire(context, "far", reason="the remark says how")
            assert (await snapshots.make(context)).stand_ins == ()
            assert not names(context, "far.example")


@pytest.mark.ring("night")
async def test_control_says_it_once_and_compiles_anew_when_it_is_mended(installation: Installation) -> None:
    stream = io.StringIO()
    log.configure("control", stream)

    def events(name: str) -> int:
        return sum(json.loads(line)["event"] == name for line in stream.getvalue().splitlines())

    async with installation.open() as context:
        kept = Maintenance(context)
        await kept.turn()
        with closing(sqlite3.connect(installation.database)) as raw, raw:
            raw.execute("DELETE FROM feed_version WHERE feed = 'adult-starter'")
        source = installation.base / "policies" / "lists" / "adult.txt"
        source.unlink()
        installation.write_policy("lists/worst.txt", "worst.example\nworse.example\n")
        for _ in range(3):
            installation.now += upkeep.RETRY_SECONDS
            await kept.turn()
        assert names(context, "worse.example", "red.example") == {"worse.example", "red.example"}
        assert (events("snapshot built"), events(upkeep.STAND_INS)) == (2, 1)
        assert any("other rules than those of the store: 1" in each for each in kept.remarks())
        again = Maintenance(context)  # control was restarted
        await again.turn()
        assert (events("snapshot built"), events(upkeep.STAND_INS)) == (2, 2)
        source.write_text(OLD)
        for _ in range(3):
            installation.now += upkeep.RETRY_SECONDS
            await again.turn()
        assert events("snapshot built") == 3
        assert not any("other rules" in each for each in again.remarks())
        assert await audit.compare(context) == ()
        assert context.clock() > NOW
