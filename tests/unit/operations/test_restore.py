"""Backups, and the restored store: nothing given out twice, nothing ended that comes back, nothing half."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.order import OrderState
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import audit, erasure, feeds, orders, restore, subscribers
from filterd.operations.backup import MANIFEST, STORE, backup
from filterd.operations.context import OperationError, open_context
from filterd.operations.intake import OrderRequest
from filterd.operations.restore import Restored
from filterd.store import change_log, copying
from filterd.store.copying import copy_store
from filterd.store.engine import database_path
from filterd.store.errors import StoreError
from filterd.store.ledger import ENDED, HEAD, WITHDRAWAL, Ended, StoreHead
from tests.worlds.installation import NOW, Installation, install

EVIDENCE = RequestEvidence("Ana", "shop", NOW, "v1", "T-1")


def request(name: str) -> OrderRequest:
    """An order on one name."""
    return OrderRequest(
        authority="Court",
        official="Judge",
        document="D-1",
        ground="art. 1",
        reason="told to",
        entries=((name, Scope.SUBTREE),),
        mode=BlockingMode.NXDOMAIN,
    )


def silent(*_: object) -> None:
    """No progress is shown."""


async def put_back(installation: Installation, source: Path | None) -> Restored:
    return await restore.restore(installation.settings, source, "the disk broke", "root", lambda: NOW, silent)


async def filled(installation: Installation, tmp_path: Path) -> Path:
    """Two orders, three lines of which two opted in, and a backup of that; its directory."""
    async with installation.open(approvals=1) as context:
        installation.write_policy("lists/adult.txt", "adult.example\n")
        installation.write_policy("lists/gambling.txt", "bets.example\n")
        installation.write_policy("lists/worst.txt", "worst.example\n")
        await feeds.update(context)
        for name in ("one.example", "two.example"):
            await orders.add(context, request(name))
        for line in ("home", "shop", "farm"):
            await subscribers.add(context, line)
        for line in ("home", "shop"):
            await subscribers.opt_in(context, line, "child", EVIDENCE)
        await backup(context, tmp_path / "backup")
    return tmp_path / "backup"


async def test_a_backup_is_whole_private_and_of_one_state(installation: Installation, tmp_path: Path) -> None:
    made = await filled(installation, tmp_path)
    manifest = json.loads((made / MANIFEST).read_text())
    with closing(sqlite3.connect(made / STORE)) as copy:
        assert copy.execute("SELECT revision, change_hash FROM head").fetchone() == (
            manifest["revision"],
            manifest["hash"],
        )
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",), "no file beside it is needed"
    lists = sorted(path.name for path in (made / "lists").iterdir())
    assert lists == ["adult-starter.1.rules", "gambling-starter.1.rules", "worst-of.1.rules"]
    assert not any(path.stat().st_mode & 0o77 for path in (made, *made.rglob("*")))
    assert not list(tmp_path.glob(".backup*"))
    async with installation.open() as context:
        with pytest.raises(OperationError, match="exists already"):
            await backup(context, made)
        with pytest.raises(OperationError, match="was not made") as caught:
            await backup(context, tmp_path / "none" / "backup")
    assert "room" in caught.value.remedy


async def test_what_was_ended_after_the_backup_is_ended_again(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        await subscribers.opt_out(context, "home")
        erased = await erasure.erase(context, "shop", reason="asked")
        await orders.withdraw(context, "O-1", reason="lifted")
        await subscribers.opt_in(context, "farm", "child", EVIDENCE)
        before = await context.store.head()
    done = await put_back(installation, made)
    assert done.ended_again == {"opt_out": 1, "erasure": 1, "withdrawal": 1}
    assert done.lost_revisions > 0
    assert done.revision > before.revision
    async with installation.open() as context:
        assert not (await subscribers.show(context, "home")).choices.opted_in
        with pytest.raises(OperationError, match="unknown subscriber"):
            await subscribers.show(context, "shop")
        assert [(each.reference, each.state) for each in await orders.list_orders(context)] == [
            ("O-1", OrderState.WITHDRAWN),
            ("O-2", OrderState.ACCEPTED),
        ]
        assert not (await subscribers.show(context, "farm")).choices.opted_in, "nothing is invented"
        assert (await audit.verify(context)).holds
        last = (await audit.tail(context, 1))[0].entry
        assert (last.action, last.actor, last.reason) == ("store.restore", "root", "the disk broke")
        trail = json.dumps([each.entry.after for each in await audit.tail(context, 99)])
        assert "shop" not in trail
    assert erased.line > 0


async def test_no_number_is_given_out_twice(installation: Installation, tmp_path: Path) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        third = await orders.add(context, request("three.example"))
        fourth = await subscribers.add(context, "mill")
        before = await context.store.head()
    await put_back(installation, made)
    async with installation.open(approvals=1) as context:
        order = await orders.add(context, request("four.example"))
        line = await subscribers.add(context, "inn")
        head = await context.store.head()
    assert (third.number, order.number) == (3, 4)
    assert line.line == fourth.line + 1
    assert head.revision > before.revision
    async with installation.open() as context, context.store.read() as connection:
        floor = await change_log.floor(connection)
    assert before.revision < floor < head.revision, "whoever was anywhere before reads the full state"


async def test_where_the_ledger_is_lost_numbers_skip_far_ahead(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    shutil.rmtree(installation.settings.store.ledger)
    database_path(installation.url).unlink()
    done = await put_back(installation, made)
    assert done.lost_revisions == -1
    assert done.next_order == 3 + restore.UNKNOWN_ORDERS
    assert done.next_line > restore.UNKNOWN_LINES
    async with installation.open(approvals=1) as context:
        assert (await orders.add(context, request("x.example"))).reference == f"O-{done.next_order}"


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(len(path.read_bytes())))


def cut(path: Path) -> None:
    os.truncate(path, 5000)


def replaced_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


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
        assert [each.reference for each in await orders.list_orders(context)] == ["O-1", "O-2"]
        await orders.add(context, request("three.example"))


async def test_a_store_put_back_by_hand_is_taken_as_the_truth(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        await orders.add(context, request("three.example"))
        await subscribers.opt_out(context, "home")
    path = database_path(installation.url)
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    shutil.copy(made / STORE, path)
    async with installation.open(approvals=1) as context:
        with pytest.raises(StoreError, match="was acknowledged"):
            await orders.add(context, request("four.example"))
    done = await put_back(installation, None)
    assert (done.ended_again, done.lines) == ({"opt_out": 1}, 3)
    async with installation.open(approvals=1) as context:
        assert (await orders.add(context, request("four.example"))).reference == "O-4"


async def test_a_lost_store_without_a_backup_begins_anew_behind_all_numbers(
    installation: Installation, tmp_path: Path
) -> None:
    await filled(installation, tmp_path)
    database_path(installation.url).unlink()
    done = await put_back(installation, None)
    assert (done.backup_revision, done.next_order, done.lines) == (0, 3, 0)
    async with installation.open(approvals=1) as context:
        assert (await orders.add(context, request("x.example"))).reference == "O-3"


async def test_readers_go_on_and_writers_are_refused(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control keeps its connections: it sees the restored store, without a restart."""
    made = await filled(installation, tmp_path)
    refused = []

    async def another(context: object, ended: object) -> bool:
        async with open_context(installation.settings, actor="bob", clock=lambda: NOW) as other:
            try:
                await subscribers.add(other, "late")
            except StoreError as error:
                refused.append(str(error))
        return False

    monkeypatch.setattr(restore, "_end_again", another)
    async with installation.open(approvals=1) as running:
        await subscribers.opt_out(running, "home")
        await orders.add(running, request("three.example"))
        await put_back(installation, made)
        assert refused == ["nothing was written: the store is being restored"]
        assert [each.reference for each in await orders.list_orders(running)] == ["O-1", "O-2"]
        assert (await orders.add(running, request("four.example"))).reference == "O-4"


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
        assert (await orders.add(context, request("three.example"))).reference == "O-3"
    assert not list(installation.settings.state_dir.glob(".restore*"))


async def test_a_restore_that_was_killed_leaves_the_store_closed_to_writers(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        context.store.ledger.begin_restore()
        with pytest.raises(StoreError, match="being restored") as caught:
            await orders.add(context, request("three.example"))
        assert "repeat it" in caught.value.remedy
    await put_back(installation, made)
    async with installation.open(approvals=1) as context:
        await orders.add(context, request("three.example"))


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
        assert (await orders.list_orders(context))[0].reference == "O-1"


async def test_a_store_with_an_altered_trail_is_no_truth(installation: Installation, tmp_path: Path) -> None:
    await filled(installation, tmp_path)
    with closing(sqlite3.connect(database_path(installation.url), isolation_level=None)) as raw:
        raw.execute("UPDATE audit SET actor = 'eve' WHERE sequence = 2")
    with pytest.raises(OperationError, match="cannot be trusted: entry 2") as caught:
        await put_back(installation, None)
    assert "another backup" in caught.value.remedy


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
        assert [each.reference for each in await orders.list_orders(context)] == ["O-1", "O-2"]


async def test_lists_of_the_backup_are_there_again(installation: Installation, tmp_path: Path) -> None:
    made = await filled(installation, tmp_path)
    stored = installation.settings.state_dir / "feeds" / "worst-of" / "1.rules"
    content = stored.read_bytes()
    shutil.rmtree(stored.parent)
    await put_back(installation, made)
    assert stored.read_bytes() == content


async def test_a_copy_is_one_state_of_a_store_that_is_written(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open(approvals=1) as context:
        for number in range(20):
            await orders.add(context, request(f"n{number}.example"))
            copy_store(database_path(installation.url), tmp_path / f"{number}.db")
            with closing(sqlite3.connect(tmp_path / f"{number}.db")) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert copy.execute("SELECT count(*) FROM orders").fetchone() == (number + 1,)


async def test_an_ending_that_was_refused_is_not_repeated(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record comes before the commit; where that fails, nothing was ended."""
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        with monkeypatch.context() as patched:
            patched.setattr("filterd.store.orders.set_state", refuse)
            with pytest.raises(OSError, match="no room"):
                await orders.withdraw(context, "O-1", reason="lifted")
        noted = context.store.ledger.noted()
        assert noted is not None
        far = StoreHead(noted.committed.revision + 1, "cd" * 32, 9, 9)
        context.store.ledger.intend(noted.committed, far, [Ended(far.revision, far.hash, WITHDRAWAL, 1)])
        await subscribers.add(context, "mill")
        await subscribers.add(context, "inn")
    done = await put_back(installation, made)
    assert done.ended_again == {}
    async with installation.open() as context:
        assert (await orders.show(context, "O-1")).state is OrderState.ACCEPTED


async def refuse(*_: object) -> None:
    raise OSError("no room")


async def test_endings_hold_though_the_head_of_the_ledger_is_lost(
    installation: Installation, tmp_path: Path
) -> None:
    """And no number of the store that stands there is given out again."""
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        await subscribers.opt_out(context, "home")
        for number in range(restore.UNKNOWN_ORDERS + 5):
            await orders.add(context, request(f"n{number}.example"))
        before = await context.store.head()
    (installation.settings.store.ledger / HEAD).unlink()
    done = await put_back(installation, made)
    assert done.ended_again == {"opt_out": 1}
    assert done.next_order > before.next_order
    assert done.lost_revisions == -1
    assert "ledger" in done.remarks[0]


async def test_a_write_that_is_under_way_is_waited_for(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await filled(installation, tmp_path)
    monkeypatch.setattr(copying, "LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(database_path(installation.url), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationError, match="locked"):
            await put_back(installation, made)
        writer.execute("ROLLBACK")
    async with installation.open(approvals=1) as context:
        assert (await orders.add(context, request("three.example"))).reference == "O-3"


async def test_lists_that_grew_since_the_backup_stay_grown(
    installation: Installation, tmp_path: Path
) -> None:
    """With the numbers of the backup's versions, a file of the lost history would be taken for another."""
    made = await filled(installation, tmp_path)
    async with installation.open() as context:
        installation.write_policy("lists/worst.txt", "worst.example\nworse.example\n")
        (grown,) = await feeds.update(context, ["worst-of"])
    done = await put_back(installation, made)
    assert done.remarks == []
    async with installation.open() as context:
        status = await feeds.show(context, "worst-of")
    assert status.version is not None
    assert grown.version is not None
    assert (status.version.names, status.version.digest) == (2, grown.version.digest)
    assert status.version.version > grown.version.version


async def test_a_list_whose_source_is_gone_is_that_of_the_backup_and_is_named(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    (installation.base / "policies" / "lists" / "worst.txt").unlink()
    done = await put_back(installation, made)
    assert [each.split(":")[0] for each in done.remarks] == ["list worst-of is that of the backup"]


async def test_the_backup_of_another_installation_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    other = await install(tmp_path / "other")
    async with other.open(approvals=1, clock=lambda: NOW + 5) as context:
        await orders.add(context, request("other.example"))
    with pytest.raises(OperationError, match="another installation"):
        await put_back(other, made)
    async with other.open() as context:
        assert len(await orders.list_orders(context)) == 1


async def test_a_backup_with_damaged_orders_is_refused(installation: Installation, tmp_path: Path) -> None:
    await filled(installation, tmp_path)
    with closing(sqlite3.connect(database_path(installation.url), isolation_level=None)) as raw:
        raw.execute("UPDATE order_name SET name = 'onf.example' WHERE name = 'one.example'")
    async with installation.open() as context:
        with pytest.raises(OperationError, match="not what was decided: order:O-1"):
            await backup(context, tmp_path / "damaged")
    assert not (tmp_path / "damaged").exists()


async def test_a_list_that_cannot_be_put_in_its_place_stops_the_restore(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    stored = installation.settings.state_dir / "feeds" / "worst-of" / "1.rules"
    stored.unlink()
    stored.mkdir()
    async with installation.open(approvals=1) as context:
        await orders.add(context, request("three.example"))
    with pytest.raises(OperationError, match="not restored"):
        await put_back(installation, made)
    async with installation.open() as context:
        assert len(await orders.list_orders(context)) == 3


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
                await orders.withdraw(context, "O-1", reason="lifted")
        assert "restore --in-place" in caught.value.remedy
    await put_back(installation, made)
    async with installation.open(approvals=1) as context:
        await orders.withdraw(context, "O-1", reason="lifted")
    assert path.with_name(f"{name}.damaged-1").is_dir()
