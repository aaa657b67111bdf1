"""A full disk and a failing one are told apart, on disks that really are so."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from filterd.store.errors import StoreDamagedError, StoreDiskError, StoreError, StoreFullError, translate
from tests.worlds.failing_disk import run_on_failing_disk
from tests.worlds.small_disk import FILL, run_on_small_disk

STORE = """
import asyncio, os, sys
from pathlib import Path
from filterd.store.errors import StoreError
from filterd.store.store import Store

async def write(store, size):
    async with store.write("ana", 1.8e9) as writing:
        writing.audit("test", "line:1", after={"much": "x" * size})

async def told(doing):
    try:
        await doing
    except StoreError as error:
        print(type(error).__name__, "|", error, "|", error.remedy)
    else:
        print("kept")
"""
FULL = (
    FILL
    + STORE
    + """
async def main():
    url, ledger = f"sqlite:///{DISK}/filterd.db", DISK / "ledger"
    await Store.migrate(url, ledger)
    store = await Store.open(url, ledger)
    await told(write(store, 10))
    fill()
    await told(write(store, 400_000))
    await store.close()
    fill()
    os.truncate(DISK / "filler", os.stat(DISK / "filler").st_size - 4096)
    async def anew():
        store = await Store.open(url, ledger)  # makes the shared memory beside the store
        try:
            await write(store, 400_000)
        finally:
            await store.close()
    await told(anew())
    os.unlink(DISK / "filler")
    await told(anew())

asyncio.run(main())
"""
)
FAILING = (
    STORE
    + """
async def main():
    prefix = Path(os.environ["FAILING_DISK"])
    url, ledger = f"sqlite:///{prefix}", prefix.with_name("ledger")
    await Store.migrate(url, ledger)
    store = await Store.open(url, ledger)
    await told(write(store, 10))
    Path(f"{prefix}.fails").touch()
    await told(write(store, 10))
    os.unlink(f"{prefix}.fails")
    await told(write(store, 10))
    await store.close()

asyncio.run(main())
"""
)


@pytest.mark.ring("merge")
def test_a_full_disk_is_said_to_be_full(tmp_path: Path) -> None:
    said = run_on_small_disk(tmp_path / "disk", FULL).splitlines()
    kinds = [line.partition(" ")[0] for line in said]
    assert kinds == ["kept", "StoreFullError", "StoreFullError", "kept"], said
    assert all("free room" in line for line in said if "Full" in line)


@pytest.mark.ring("merge")
def test_a_failing_disk_is_not_said_to_be_full(tmp_path: Path) -> None:
    said = run_on_failing_disk(tmp_path, tmp_path / "filterd.db", FAILING).splitlines()
    kinds = [line.partition(" ")[0] for line in said]
    assert kinds == ["kept", "StoreDiskError", "kept"], said
    assert "dmesg" in said[1]
    assert "full" not in said[1]


@pytest.mark.parametrize(
    ("code", "free", "kind", "remedy"),
    [
        (sqlite3.SQLITE_FULL, 1 << 20, StoreFullError, "free room"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, 0, StoreFullError, "free room"),
        (sqlite3.SQLITE_IOERR_WRITE, 0, StoreFullError, "free room"),
        (sqlite3.SQLITE_IOERR_WRITE, 1 << 20, StoreDiskError, "dmesg"),
        (sqlite3.SQLITE_IOERR_READ, 1 << 20, StoreDiskError, "dmesg"),
        (sqlite3.SQLITE_CORRUPT, 0, StoreDamagedError, "backup"),
    ],
)
def test_the_room_that_is_left_decides_where_one_code_has_two_causes(
    monkeypatch: pytest.MonkeyPatch, code: int, free: int, kind: type[StoreError], remedy: str
) -> None:
    real = os.statvfs("/")
    shown = os.statvfs_result((4096, 4096, 1 << 20, free, free, *tuple(real)[5:10]))
    monkeypatch.setattr(os, "statvfs", lambda path: shown)
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    found = translate(error, Path("/var/lib/filterd/filterd.db"))
    assert type(found) is kind
    assert remedy in found.remedy
