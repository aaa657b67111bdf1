"""Lock files: one holder, freed when it closes the file, and a wait that ends."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from filterd.disk import locks
from filterd.disk.locks import LockedError, alone, locked, sharing, take_lock


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


def test_a_directory_is_shared_by_those_who_write_and_left_alone_for_one_who_removes(tmp_path: Path) -> None:
    with sharing(tmp_path, 0.0), sharing(tmp_path, 0.0), alone(tmp_path) as nobody_else:
        assert not nobody_else
    with alone(tmp_path) as nobody_else:
        assert nobody_else
        with pytest.raises(LockedError), sharing(tmp_path, 0.0):
            pytest.fail("somebody removes drafts")
    with sharing(tmp_path, 0.0):
        pass
    with alone(tmp_path / "none") as nobody_else:
        assert not nobody_else
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_lock_is_for_its_owner_alone_whoever_made_it(tmp_path: Path, umask: int) -> None:
    path, other = tmp_path / "lock", tmp_path / "other"
    other.touch(0o666)
    other.chmod(0o666)
    before = os.umask(umask)
    try:
        take_lock(path, 0.0).close()
        take_lock(other, 0.0).close()
    finally:
        os.umask(before)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, other)] == [0o600, 0o600]
