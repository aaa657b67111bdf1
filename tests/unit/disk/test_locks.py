"""Lock files: one holder, freed when it closes the file, and a wait that ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from filterd.disk import locks
from filterd.disk.locks import LockedError, locked, take_lock


def test_a_lock_has_one_holder_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = take_lock(path, 0.0)
    with pytest.raises(LockedError):
        take_lock(path, 0.0)
    first.close()
    take_lock(path, 0.0).close()


def test_a_lock_that_is_freed_meanwhile_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    first = take_lock(path, 0.0)
    monkeypatch.setattr("time.sleep", lambda _seconds: first.close())
    take_lock(path, 60.0).close()


async def test_the_loop_goes_on_while_a_lock_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = take_lock(path, 0.0)
    entered = asyncio.Event()

    async def enter() -> None:
        async with locked(path, 60.0):
            entered.set()
            with pytest.raises(LockedError):
                take_lock(path, 0.0)

    waiting = asyncio.create_task(enter())
    await asyncio.sleep(0)
    assert not entered.is_set()
    first.close()
    await waiting
    take_lock(path, 0.0).close()


async def test_a_wait_for_a_lock_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LOOP_PAUSE", 0.0)
    with take_lock(tmp_path / "lock", 0.0), pytest.raises(LockedError):
        async with locked(tmp_path / "lock", 0.0):
            pytest.fail("the lock has another holder")
