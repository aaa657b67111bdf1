"""A process killed at any point of a fetch, and a full disk, lose nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from filterd.operations.feeds import listing, rule_files
from tests.worlds.fetched import Fetched, fetched
from tests.worlds.small_disk import FILL, run_on_small_disk

pytestmark = pytest.mark.ring("night")

NAMES = b"one.example\ntwo.example\nthree.example\n"
MORE = NAMES + b"four.example\n"

POINTS = (
    "filterd.fetch.body:Body.take",
    "filterd.fetch.body:Body.end",
    "filterd.operations.feeds.rule_files:write_version",
    "filterd.operations.feeds.rule_files:put_in_place",
    "filterd.operations.feeds.fetched_files:rename_file",
    "filterd.operations.feeds.fetched_files:checked_file.write",
    "filterd.store.feeds:record_checks",
    "filterd.store.fetches:record",
)

CHILD = """
import asyncio, functools, importlib, os, signal, sys
from dataclasses import replace
from pathlib import Path
from filterd.operations.context import open_context
from filterd.operations.feeds import updating
from tests.worlds import fetched
from tests.worlds.installation import settings_in

base, point, moment = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
module, _, name = point.partition(":")
*outer, last = name.split(".")
owner = functools.reduce(getattr, outer, importlib.import_module(module))
real = getattr(owner, last)

def end():
    os.kill(os.getpid(), signal.SIGKILL)

def killed(*args, **kwargs):
    if moment == "before":
        end()
    found = real(*args, **kwargs)
    if not asyncio.iscoroutine(found):
        end()
    async def wait():
        await found
        end()
    return wait()

setattr(owner, last, killed)

async def main():
    settings = settings_in(base)
    settings = replace(settings, feeds=replace(settings.feeds, ca=base / "ca.pem"))
    async with open_context(settings, actor="ana", clock=lambda: 1_800_000_100.0) as context:
        fetching = fetched.fetching()
        await updating.update(context, ["far"], fetching=fetching)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("point", POINTS)
async def test_a_killed_fetch_loses_nothing(tmp_path: Path, point: str, moment: str) -> None:
    async with fetched(tmp_path) as world:
        world.name("far", NAMES)
        await world.update("far")
        world.server.lists["far"] = MORE
        command = [sys.executable, "-c", CHILD, str(tmp_path), point, moment]
        killed = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
        _, said = await killed.communicate()
        assert killed.returncode == -9, said.decode()
        assert await _in_force(world) in (NAMES, MORE)
        (after,) = await world.update("far")
        assert after.problem == ""
        assert await _in_force(world) == MORE
        assert list(tmp_path.rglob("state/feeds/**/*.new")) == []


async def _in_force(world: Fetched) -> bytes:
    """The names of the version in force, once its file is what its row says."""
    async with world.open() as context:
        version = (await listing.show(context, "far")).version
    assert version is not None
    path = rule_files.rule_file(world.installation.settings.state_dir, "far", version.version)
    assert rule_files.digest_of(path, None) == version.digest
    names = sorted(line.split()[0] for line in path.read_bytes().splitlines())
    return NAMES if names == sorted(NAMES.split()) else MORE if names == sorted(MORE.split()) else b""


FULL = """
import asyncio, json
from tests.worlds.fetched import fetched

BIG = b"".join(b"name-%d.example\\n" % number for number in range(40_000))

async def main():
    async with fetched(DISK) as world:
        keys = "category: adult, guard: {max_grow: 1000000, max_exchange: 1, max_shrink: 1}"
        world.name("far", b"one.example\\ntwo.example\\n", keys)
        (first,) = await world.update("far")
        world.server.lists["far"] = BIG
        fill()
        full = []
        try:
            full = [[each.outcome, each.problem] for each in await world.update("far")]
        except Exception as error:
            full = [[type(error).__name__, str(error)]]
        left = [str(each) for each in DISK.rglob("state/feeds/**/*.new")]
        (DISK / "filler").unlink()
        (after,) = await world.update("far")
        print(json.dumps([first.outcome, full, left, after.outcome, after.problem]))

asyncio.run(main())
"""


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    said = run_on_small_disk(tmp_path / "disk", FILL + FULL)
    first, full, left, after, problem = json.loads(said.splitlines()[-1])
    assert first == "updated"
    assert left == []
    assert (after, problem) == ("updated", ""), full
    ((outcome, reason),) = full
    assert outcome != "updated"
    assert "space" in reason or "disk" in reason or "full" in reason, full
