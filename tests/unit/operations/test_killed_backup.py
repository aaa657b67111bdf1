"""A backup that is killed leaves no copy of the store that retention does not reach."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from filterd.disk import checked_file
from filterd.disk.locks import is_held, take_lock
from filterd.operations import backup as operation
from filterd.operations import restore, subscribers
from filterd.operations.backup import MANIFEST, STORE, backup
from filterd.operations.context import OperationError
from filterd.operations.privacy import made_backups, retention
from filterd.operations.privacy.made_backups import DRAFTS
from filterd.store import copying
from filterd.store.engine import database_path
from tests.worlds.installation import Installation, install, settings_in

AFTER = "in place"
STEPS = {
    "noted": (shutil, "rmtree"),
    "begun": (operation, "_fill"),
    "copied": (operation, "_close_copy"),
    "summed": (operation, "_digests"),
    "complete": (made_backups, "remembered"),
    "on record": (operation, "rename_file"),
    AFTER: (operation, "rename_file"),
}


def killed_at(base: Path, step: str, target: Path) -> None:
    """Make a backup in a process that is killed before this step, or after the last one."""
    child = os.fork()
    if child == 0:
        try:
            module, name = STEPS[step]
            real = getattr(module, name)

            def kill(*arguments: object, **_: object) -> None:
                if step == AFTER:
                    real(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)

            setattr(module, name, kill)
            asyncio.run(made(base, target))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


async def made(base: Path, target: Path) -> None:
    """A backup of the installation there."""
    async with Installation(base, settings_in(base)).open(clock=time.time) as context:
        await backup(context, target)


async def prepared(base: Path) -> None:
    """An installation with a line."""
    async with (await install(base)).open(clock=time.time) as context:
        await subscribers.add(context, "home")


def by_backup(base: Path) -> None:
    asyncio.run(made(base, base / "later"))


def by_retention(base: Path) -> None:
    async def run() -> None:
        async with Installation(base, settings_in(base)).open(clock=time.time) as context:
            assert (await retention.run(context)).kept == ()

    asyncio.run(run())


def by_start(base: Path) -> None:
    assert made_backups.drop_drafts(settings_in(base).state_dir) == []


@pytest.mark.ring("merge")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("clean", [by_backup, by_retention, by_start])
def test_what_a_killed_backup_left_is_removed(
    tmp_path: Path, step: str, clean: Callable[[Path], None]
) -> None:
    asyncio.run(prepared(tmp_path))
    place = tmp_path / "disk"
    place.mkdir()
    killed_at(tmp_path, step, place / "monday")
    state_dir = settings_in(tmp_path).state_dir
    assert len(list((state_dir / DRAFTS).iterdir())) == 1, "it is noted from the begin to the end"
    clean(tmp_path)
    assert list((state_dir / DRAFTS).iterdir()) == []
    noted = [each.directory for each in made_backups.noted(state_dir) if each.stands]
    if step == AFTER:
        assert str(place / "monday") in noted, "it is whole, and on record"
        assert (place / "monday" / MANIFEST).exists()
    else:
        assert list(place.iterdir()) == []
        assert str(place / "monday") not in noted


async def test_a_backup_that_is_being_made_is_left_alone(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir, seen = installation.settings.state_dir, []
    real = operation._close_copy

    def look(path: Path) -> tuple[int, str]:
        assert made_backups.drop_drafts(state_dir) == []
        seen.append(path.exists())
        return real(path)

    monkeypatch.setattr(operation, "_close_copy", look)
    async with installation.open() as context:
        await backup(context, tmp_path / "monday")
    assert seen == [True]
    assert list((state_dir / DRAFTS).iterdir()) == []


@pytest.mark.ring("merge")
async def test_a_draft_on_a_disk_that_is_away_goes_when_it_is_back(
    installation: Installation, tmp_path: Path
) -> None:
    state_dir, place = installation.settings.state_dir, tmp_path / "disk"
    place.mkdir()
    with made_backups.drafting(state_dir, place / ".monday.new"):
        (place / ".monday.new").mkdir()
        (note,) = (state_dir / DRAFTS).iterdir()
        text = note.read_text()
    assert list((state_dir / DRAFTS).iterdir()) == []
    note.write_text(text)
    (place / ".monday.new").mkdir()
    (place / ".monday.new" / STORE).touch()
    place.rename(tmp_path / "away")
    assert made_backups.drop_drafts(state_dir) == []
    (tmp_path / "away").rename(place)
    assert made_backups.drop_drafts(state_dir) == []
    assert list(place.iterdir()) == list((state_dir / DRAFTS).iterdir()) == []


@pytest.mark.ring("merge")
async def test_a_draft_that_cannot_be_removed_is_told(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = tmp_path / ".monday.new"
    notes = installation.settings.state_dir / DRAFTS
    notes.mkdir(parents=True)
    checked_file.write(notes / "one", f'{{"directory": "{draft}", "device": 1}}'.encode())
    draft.mkdir()

    def refuse(path: Path) -> None:
        raise OSError(13, "Permission denied", str(path))

    async with installation.open() as context:
        with monkeypatch.context() as patched:
            patched.setattr(shutil, "rmtree", refuse)
            done = await retention.run(context)
        assert done.kept == (f"{draft}: Permission denied",)
        assert done.deleted["backups"] == 0
        assert (await retention.run(context)).kept == ()
    assert not draft.exists()


@pytest.mark.ring("merge")
async def test_two_backups_are_not_made_in_one_place(installation: Installation, tmp_path: Path) -> None:
    draft = tmp_path / ".monday.new"
    async with installation.open() as context:
        with (
            made_backups.drafting(installation.settings.state_dir, draft),
            pytest.raises(OperationError, match="another one is being made there"),
        ):
            await backup(context, tmp_path / "monday")
        await backup(context, tmp_path / "monday")


async def test_copies_of_a_killed_restore_go_with_the_start_of_control(
    installation: Installation,
) -> None:
    settings = installation.settings
    work = settings.state_dir / restore.WORK
    work.mkdir()
    (work / STORE).write_bytes(b"copy")
    path = database_path(settings.store.url)
    left = copying._draft_of(path)
    left.write_bytes(b"copy")
    with take_lock(settings.store.ledger / restore.LOCK, 0.0):
        restore.drop_copies(settings)
        assert work.exists(), "a restore is under way"
    restore.drop_copies(settings)
    assert (work.exists(), left.exists()) == (False, False)
    assert path.exists()


@pytest.mark.parametrize("content", ["5", '{"directori": "/x"}', '{"directory": "DIR", "device": 1}'])
def test_an_altered_note_removes_nothing_and_stops_nobody(tmp_path: Path, content: str) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    notes = tmp_path / made_backups.DRAFTS
    notes.mkdir()
    checked_file.write(notes / "0", content.replace("DIR", str(kept)).encode())
    assert len(made_backups.drop_drafts(tmp_path)) == 1
    assert kept.exists()


def test_a_note_with_an_altered_byte_removes_nothing_and_is_told(tmp_path: Path) -> None:
    """An empty one is what a process left that was killed before it made the draft."""
    with made_backups.drafting(tmp_path, tmp_path / ".monday.new"):
        (path,) = (tmp_path / DRAFTS).iterdir()
        data = path.read_bytes()
    for place in (0, 20, len(data) - 2, data.index(b"monday")):
        altered = bytearray(data)
        altered[place] ^= 0x03
        for content in (altered, data[:place]) if place else (altered,):
            path.write_bytes(content)
            (tmp_path / ".nonday.new").mkdir(exist_ok=True)
            (said,) = made_backups.drop_drafts(tmp_path)
            assert said.startswith(f"{path}: the note of an unfinished backup is altered")
            assert path.exists()
    path.write_bytes(b"")
    assert made_backups.drop_drafts(tmp_path) == []
    assert not path.exists()


def test_the_note_of_a_draft_is_removed_while_no_other_process_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else that process would lock a note that no longer has a name."""
    locked = []
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        locked.append(is_held(tmp_path / "backups.lock"))
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with made_backups.drafting(tmp_path, tmp_path / ".monday.new"):
        pass
    assert locked == [True]


def test_other_backups_do_not_wait_for_the_removal_of_a_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, held = tmp_path / ".monday.new", []
    real = shutil.rmtree
    with made_backups.drafting(tmp_path, draft):
        (note,) = (tmp_path / DRAFTS).iterdir()
        data = note.read_bytes()
    note.write_bytes(data)
    draft.mkdir()

    def remove(path: Path) -> None:
        held.append((is_held(tmp_path / "backups.lock"), is_held(note)))
        real(path)

    monkeypatch.setattr(shutil, "rmtree", remove)
    assert made_backups.drop_drafts(tmp_path) == []
    assert held == [(False, True)]
    assert not draft.exists()
    assert not note.exists()
