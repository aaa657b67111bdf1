"""Restores that meet damage: it is replaced and kept aside, or refused, and nothing is changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from filterd.operations import audit, restore, subscribers
from filterd.operations.backup import MANIFEST, STORE, backup
from filterd.operations.context import OperationError
from filterd.operations.orders import ending, showing, taking
from filterd.store.engine import database_path
from filterd.store.errors import StoreError
from filterd.store.ledger import ENDED, HEAD
from tests.worlds.backups import EVIDENCE, filled, put_back, request
from tests.worlds.installation import NOW, Installation, install


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(len(path.read_bytes())))


def cut(path: Path) -> None:
    os.truncate(path, 5000)


def replaced_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    "lose", [Path.unlink, zeroed, cut, replaced_by_directory], ids=["gone", "zeroed", "cut", "a directory"]
)
async def test_a_store_that_cannot_be_opened_is_replaced_and_kept_aside(
    installation: Installation, tmp_path: Path, lose: Callable[[Path], object]
) -> None:
    made = await filled(installation, tmp_path)
    path = database_path(installation.url)
    lose(path)
    done = await put_back(installation, made)
    assert bool(list(path.parent.glob("filterd.db.damaged-*"))) == bool(done.set_aside)
    assert path.stat().st_mode & 0o77 == 0
    async with installation.open(approvals=1) as context:
        assert [each.reference for each in await showing.list_orders(context)] == ["O-1", "O-2"]
        await taking.add(context, request("three.example"))


@pytest.mark.ring("merge")
@pytest.mark.parametrize("step", ["_require_whole", "_skip", "_install"])
async def test_a_restore_that_fails_changes_nothing(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    made = await filled(installation, tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(restore, step, fail)
        with pytest.raises(OperationError, match="No space left") as caught:
            await put_back(installation, made)
    assert "room" in caught.value.remedy
    async with installation.open(approvals=1) as context:
        assert (await taking.add(context, request("three.example"))).reference == "O-3"
    assert not list(installation.settings.state_dir.glob(".restore*"))


@pytest.mark.ring("merge")
async def test_a_restore_that_was_killed_leaves_the_store_closed_to_writers(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        context.store.ledger.begin_restore()
        with pytest.raises(StoreError, match="being restored") as caught:
            await taking.add(context, request("three.example"))
        assert "repeat it" in caught.value.remedy
    await put_back(installation, made)
    async with installation.open(approvals=1) as context:
        await taking.add(context, request("three.example"))


@pytest.mark.parametrize("name", [STORE, MANIFEST, "lists/worst-of.1.rules"])
async def test_a_damaged_backup_is_refused(installation: Installation, tmp_path: Path, name: str) -> None:
    made = await filled(installation, tmp_path)
    content = bytearray((made / name).read_bytes())
    content[len(content) // 2] ^= 4
    (made / name).write_bytes(content)
    with pytest.raises(OperationError, match=r"damaged|no backup") as caught:
        await put_back(installation, made)
    assert caught.value.remedy
    async with installation.open() as context:
        assert (await showing.list_orders(context))[0].reference == "O-1"


async def test_a_store_with_an_altered_trail_is_no_truth(installation: Installation, tmp_path: Path) -> None:
    await filled(installation, tmp_path)
    with closing(sqlite3.connect(database_path(installation.url), isolation_level=None)) as raw:
        raw.execute("UPDATE audit SET actor = 'eve' WHERE sequence = 2")
    with pytest.raises(OperationError, match="cannot be trusted: entry 2") as caught:
        await put_back(installation, None)
    assert "another backup" in caught.value.remedy


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE change SET payload = '{}' WHERE revision = 3", "revision 3 was altered"),
        ("UPDATE change SET stream = 'other' WHERE revision = 3", "revision 3 was altered"),
        ("DELETE FROM change WHERE revision = 4", "after revision 3 is missing"),
        ("UPDATE head SET change_hash = salt FROM change WHERE change.revision = 1", "its head is"),
    ],
)
async def test_a_damaged_change_log_is_seen_and_begun_anew(
    installation: Installation, tmp_path: Path, statement: str, fault: str
) -> None:
    await filled(installation, tmp_path)
    async with installation.open() as context:
        assert await audit.verify_changes(context) == ""
        with closing(sqlite3.connect(database_path(installation.url), isolation_level=None)) as raw:
            raw.execute(statement)
        assert fault in await audit.verify_changes(context)
    await put_back(installation, None)
    async with installation.open() as context:
        assert await audit.verify_changes(context) == ""
        assert [each.reference for each in await showing.list_orders(context)] == ["O-1", "O-2"]


@pytest.mark.ring("merge")
async def test_the_backup_of_another_installation_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    other = await install(tmp_path / "other")
    async with other.open(approvals=1, clock=lambda: NOW + 5) as context:
        await taking.add(context, request("other.example"))
    with pytest.raises(OperationError, match="another installation"):
        await put_back(other, made)
    async with other.open() as context:
        assert len(await showing.list_orders(context)) == 1


@pytest.mark.ring("merge")
@pytest.mark.parametrize("lines", [1, 40], ids=["shorter", "longer"])
async def test_the_ledger_of_another_installation_says_nothing_of_a_backup(
    installation: Installation, tmp_path: Path, lines: int
) -> None:
    """A new installation was begun where the old one is restored: its numbers and endings are not those of
    the backup, however its store was moved away."""
    made = await filled(installation, tmp_path)
    other = await install(tmp_path / "other")
    async with other.open(approvals=1, clock=lambda: NOW + 5) as context:
        for number in range(lines):
            await subscribers.add(context, f"S-{number}")
            await subscribers.opt_in(context, f"S-{number}", "child", EVIDENCE)
            await subscribers.opt_out(context, f"S-{number}")
    database_path(other.url).unlink()
    with pytest.raises(OperationError, match="the ledger is of another installation"):
        await put_back(other, made)
    done = await put_back(other, made, accept_lost=True)
    assert (done.lost_revisions, done.ended_again, done.endings_lost) == (-1, {}, True)
    assert restore.FOREIGN in done.remarks
    assert done.next_order == 3 + restore.UNKNOWN_ORDERS
    async with other.open(approvals=1) as context:
        assert (await subscribers.show(context, "home")).choices.opted_in, "S-0 opted out, and had its number"
        third = await taking.add(context, request("three.example"))
        await ending.withdraw(context, third.reference, reason="lifted")
        later = await backup(context, tmp_path / "later")
        await subscribers.opt_out(context, "home")
    assert later.revision > restore.UNKNOWN_REVISIONS
    again = await put_back(other, tmp_path / "later")
    assert (again.lost_revisions, again.ended_again) == (1, {"opt_out": 1}), "from now on it is its ledger"
    assert restore.FOREIGN not in again.remarks


@pytest.mark.ring("merge")
async def test_a_ledger_that_is_older_than_the_backup_is_as_good_as_none(
    installation: Installation, tmp_path: Path
) -> None:
    await filled(installation, tmp_path)
    ledger = installation.settings.store.ledger
    shutil.copytree(ledger, tmp_path / "older")
    async with installation.open(approvals=1) as context:
        await taking.add(context, request("three.example"))
        await backup(context, tmp_path / "later")
    shutil.rmtree(ledger)
    shutil.copytree(tmp_path / "older", ledger)
    database_path(installation.url).unlink()
    with pytest.raises(OperationError, match="no store could be read"):
        await put_back(installation, tmp_path / "later")
    done = await put_back(installation, tmp_path / "later", accept_lost=True)
    assert (done.lost_revisions, done.endings_lost) == (-1, True)
    assert done.next_order == 4 + restore.UNKNOWN_ORDERS


@pytest.mark.ring("merge")
@pytest.mark.parametrize("lost", [ENDED, ""], ids=["its endings", "all of it"])
async def test_a_ledger_that_lost_endings_needs_the_store_for_them(
    installation: Installation, tmp_path: Path, lost: str
) -> None:
    made = await filled(installation, tmp_path)
    ledger, path = installation.settings.store.ledger, database_path(installation.url)
    async with installation.open(approvals=1) as context:
        await ending.withdraw(context, "O-1", reason="lifted")
        if lost:
            (ledger / lost).unlink()
        else:
            shutil.rmtree(ledger)
        await ending.withdraw(context, "O-2", reason="an unblock waits for no file")
        later = await backup(context, tmp_path / "later")
    path.unlink()
    with pytest.raises(OperationError, match=f"may lack endings up to {later.revision - 1}"):
        await put_back(installation, made)
    needs_none = await put_back(installation, tmp_path / "later")
    assert (needs_none.ended_again, needs_none.endings_lost) == ({}, False)
    done = await put_back(installation, made)
    assert done.ended_again == {"withdrawal": 2}, "that backup had the endings too"


async def test_a_backup_with_damaged_orders_is_refused(installation: Installation, tmp_path: Path) -> None:
    await filled(installation, tmp_path)
    with closing(sqlite3.connect(database_path(installation.url), isolation_level=None)) as raw:
        raw.execute("UPDATE order_name SET name = 'onf.example' WHERE name = 'one.example'")
    async with installation.open() as context:
        with pytest.raises(OperationError, match="not what was decided: order:O-1"):
            await backup(context, tmp_path / "damaged")
    assert not (tmp_path / "damaged").exists()


@pytest.mark.ring("merge")
async def test_a_list_that_cannot_be_put_in_its_place_stops_the_restore(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    stored = installation.settings.state_dir / "feeds" / "worst-of" / "1.rules"
    stored.unlink()
    stored.mkdir()
    async with installation.open(approvals=1) as context:
        await taking.add(context, request("three.example"))
    with pytest.raises(OperationError, match="not restored"):
        await put_back(installation, made)
    async with installation.open() as context:
        assert len(await showing.list_orders(context)) == 3


@pytest.mark.ring("merge")
@pytest.mark.parametrize("name", [HEAD, ENDED, restore.LOCK])
async def test_a_directory_in_the_place_of_a_file_of_the_ledger_is_set_aside(
    installation: Installation, tmp_path: Path, name: str
) -> None:
    made = await filled(installation, tmp_path)
    path = installation.settings.store.ledger / name
    path.unlink(missing_ok=True)
    path.mkdir()
    if name != restore.LOCK:
        async with installation.open(approvals=1) as context:
            with pytest.raises(StoreError, match="ledger") as caught:
                await ending.withdraw(context, "O-1", reason="lifted")
        assert "restore --in-place --reason ..." in caught.value.remedy
    await put_back(installation, made)
    async with installation.open(approvals=1) as context:
        await ending.withdraw(context, "O-1", reason="lifted")
    assert path.with_name(f"{name}.damaged-1").is_dir()
