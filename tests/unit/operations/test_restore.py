"""Backups, and the restored store: nothing given out twice, nothing ended that comes back, nothing half."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from filterd.model.order import OrderState
from filterd.model.token import TokenRole
from filterd.operations import audit, ending_again, erasure, restore, subscribers, tokens
from filterd.operations.backup import MANIFEST, STORE, backup
from filterd.operations.context import OperationError, open_context
from filterd.operations.feeds import listing, updating
from filterd.operations.feeds.restored import put_lists
from filterd.operations.feeds.rule_files import drop_version_drafts, read_pieces
from filterd.operations.orders import ending, showing, taking
from filterd.operations.tokens import TokenRequest
from filterd.store import change_log, copying
from filterd.store.copying import copy_store
from filterd.store.engine import database_path
from filterd.store.errors import StoreError
from filterd.store.ledger import HEAD, WITHDRAWAL, Ended, StoreHead
from tests.worlds.backups import EVIDENCE, filled, put_back, request
from tests.worlds.installation import NOW, Installation


@pytest.mark.ring("merge")
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
        await ending.withdraw(context, "O-1", reason="lifted")
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
        assert [(each.reference, each.state) for each in await showing.list_orders(context)] == [
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


async def test_a_restore_over_a_whole_store_names_the_orders_and_lines_that_it_takes_away(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        await subscribers.opt_out(context, "home")
        await subscribers.opt_in(context, "farm", "child", EVIDENCE)
        for number in range(9):
            await subscribers.add(context, f"new-{number}")
            await subscribers.opt_in(context, f"new-{number}", "child", EVIDENCE)
        await ending.withdraw(context, "O-1", reason="lifted")
        await taking.add(context, request("three.example"))
        await taking.add(context, request("four.example"))
        await ending.withdraw(context, "O-4", reason="a mistake")
    done = await put_back(installation, made)
    orders, lines = [each for each in done.remarks if "the replaced store" in each]
    assert "the backup does not: O-3. Take them in again" in orders
    assert (
        "not opted in in the backup: farm, new-0, new-1, new-2, new-3, new-4, new-5, new-6 and 2 more"
        in lines
    )
    again = await put_back(installation, None)
    assert not any("the replaced store" in each for each in again.remarks)


async def test_what_ended_after_an_older_copy_is_not_to_be_taken_in_again(
    installation: Installation, tmp_path: Path
) -> None:
    """A restore over an older copy of the store named an order that had been withdrawn and a line that had
    opted out, to be taken in and opted in again."""
    made = await filled(installation, tmp_path)
    older = tmp_path / "older.db"
    async with installation.open(approvals=1) as context:
        await subscribers.opt_in(context, "farm", "child", EVIDENCE)
        await taking.add(context, request("three.example"))
    copy_store(installation.database, older)
    async with installation.open(approvals=1) as context:
        await subscribers.opt_out(context, "home")
        await erasure.erase(context, "shop", reason="asked")
        await ending.withdraw(context, "O-1", reason="lifted")
    for name in ("-wal", "-shm"):
        installation.database.with_name(installation.database.name + name).unlink(missing_ok=True)
    shutil.copyfile(older, installation.database)
    done = await put_back(installation, made)
    assert done.ended_again == {"opt_out": 1, "erasure": 1, "withdrawal": 1}
    orders, lines = [each for each in done.remarks if "the replaced store" in each]
    assert "the backup does not: O-3. Take them in again" in orders
    assert "not opted in in the backup: farm. Nothing" in lines


async def test_a_replaced_store_that_can_be_read_in_part_stops_no_restore(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    with closing(sqlite3.connect(installation.database)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        (page,) = store.execute("SELECT rootpage FROM sqlite_master WHERE name = 'orders'").fetchone()
        (size,) = store.execute("PRAGMA page_size").fetchone()
    with installation.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    done = await put_back(installation, made)
    assert [each for each in done.remarks if "could not be read" in each]
    async with installation.open() as context:
        assert [each.reference for each in await showing.list_orders(context)] == ["O-1", "O-2"]


async def test_a_token_that_was_revoked_after_the_backup_opens_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        token = await tokens.add(context, TokenRequest("daemon", TokenRole.OPERATOR))
    made = await filled(installation, tmp_path)
    async with installation.open() as context:
        assert await tokens.of_secret(context, token.secret) is not None
        await tokens.revoke(context, "daemon", reason="lost")
    await put_back(installation, made)
    async with installation.open() as context:
        assert await tokens.of_secret(context, token.secret) is None


async def test_control_that_starts_meanwhile_leaves_the_lists_alone_that_are_put_in_place(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await filled(installation, tmp_path)
    settings = installation.settings
    shutil.rmtree(settings.state_dir / "feeds")
    moved = []

    def start_of_control(draft: Path, path: Path) -> Path:
        drop_version_drafts(settings.state_dir)
        moved.append(draft)
        return replace(draft, path)

    replace = Path.rename
    monkeypatch.setattr(Path, "rename", start_of_control)
    put_lists(settings, made)
    assert len(moved) == 3
    lists = sorted(f"{each.parent.name}.{each.name}" for each in settings.state_dir.glob("feeds/*/*.rules"))
    assert lists == sorted(path.name for path in (made / "lists").iterdir())


@pytest.mark.ring("merge")
@pytest.mark.parametrize("lost", [False, True], ids=["older", "missing"])
async def test_orders_that_no_store_has_are_named_by_the_numbers_that_the_ledger_knows(
    installation: Installation, tmp_path: Path, *, lost: bool
) -> None:
    """Their names were answered after a restore that said nothing of them: the store had gone back to before
    them, and with it the node."""
    made = await filled(installation, tmp_path)
    older = tmp_path / "older.db"
    copy_store(installation.database, older)
    async with installation.open(approvals=1) as context:
        for name in ("three", "four", "five"):
            await taking.add(context, request(f"{name}.example"))
        await ending.withdraw(context, "O-4", reason="lifted")
    for name in ("", "-wal", "-shm"):
        installation.database.with_name(installation.database.name + name).unlink(missing_ok=True)
    if not lost:
        shutil.copyfile(older, installation.database)
    done = await put_back(installation, made)
    (orders,) = [each for each in done.remarks if "store either" in each]
    assert "either: O-3, O-5. Take them in again" in orders
    again = await put_back(installation, None)
    assert not any("store either" in each for each in again.remarks)


async def test_no_number_is_given_out_twice(installation: Installation, tmp_path: Path) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        third = await taking.add(context, request("three.example"))
        fourth = await subscribers.add(context, "mill")
        before = await context.store.head()
    await put_back(installation, made)
    async with installation.open(approvals=1) as context:
        order = await taking.add(context, request("four.example"))
        line = await subscribers.add(context, "inn")
        head = await context.store.head()
    assert (third.number, order.number) == (3, 4)
    assert line.line == fourth.line + 1
    assert head.revision > before.revision
    async with installation.open() as context, context.store.read() as connection:
        floor = await change_log.floor(connection)
    assert before.revision < floor < head.revision, "whoever was anywhere before reads the full state"


@pytest.mark.ring("merge")
async def test_where_the_ledger_is_lost_numbers_skip_far_ahead(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    shutil.rmtree(installation.settings.store.ledger)
    database_path(installation.url).unlink()
    done = await put_back(installation, made, accept_lost=True)
    assert done.lost_revisions == -1
    assert done.next_order == 3 + restore.UNKNOWN_ORDERS
    assert done.next_line > restore.UNKNOWN_LINES
    async with installation.open(approvals=1) as context:
        assert (await taking.add(context, request("x.example"))).reference == f"O-{done.next_order}"


@pytest.mark.ring("merge")
async def test_a_store_put_back_by_hand_is_taken_as_the_truth(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        await taking.add(context, request("three.example"))
        await subscribers.opt_out(context, "home")
    path = database_path(installation.url)
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    shutil.copy(made / STORE, path)
    async with installation.open(approvals=1) as context:
        with pytest.raises(StoreError, match="was acknowledged"):
            await taking.add(context, request("four.example"))
    done = await put_back(installation, None)
    assert (done.ended_again, done.lines) == ({"opt_out": 1}, 3)
    async with installation.open(approvals=1) as context:
        assert (await taking.add(context, request("four.example"))).reference == "O-4"


@pytest.mark.ring("merge")
async def test_a_lost_store_without_a_backup_begins_anew_behind_all_numbers(
    installation: Installation, tmp_path: Path
) -> None:
    await filled(installation, tmp_path)
    database_path(installation.url).unlink()
    done = await put_back(installation, None)
    assert (done.backup_revision, done.next_order, done.lines) == (0, 3, 0)
    async with installation.open(approvals=1) as context:
        assert (await taking.add(context, request("x.example"))).reference == "O-3"


@pytest.mark.ring("merge")
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

    monkeypatch.setattr(ending_again, "end_again", another)
    async with installation.open(approvals=1) as running:
        await subscribers.opt_out(running, "home")
        await taking.add(running, request("three.example"))
        await put_back(installation, made)
        assert refused == ["nothing was written: the store is being restored"]
        assert [each.reference for each in await showing.list_orders(running)] == ["O-1", "O-2"]
        assert (await taking.add(running, request("four.example"))).reference == "O-4"


@pytest.mark.ring("merge")
async def test_lists_of_the_backup_are_there_again(installation: Installation, tmp_path: Path) -> None:
    made = await filled(installation, tmp_path)
    stored = installation.settings.state_dir / "feeds" / "worst-of" / "1.rules"
    content = b"".join(read_pieces(stored))
    shutil.rmtree(stored.parent)
    await put_back(installation, made)
    assert b"".join(read_pieces(stored)) == content


@pytest.mark.ring("merge")
async def test_a_copy_is_one_state_of_a_store_that_is_written(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open(approvals=1) as context:
        for number in range(20):
            await taking.add(context, request(f"n{number}.example"))
            copy_store(database_path(installation.url), tmp_path / f"{number}.db")
            with closing(sqlite3.connect(tmp_path / f"{number}.db")) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert copy.execute("SELECT count(*) FROM orders").fetchone() == (number + 1,)


@pytest.mark.ring("merge")
async def test_an_ending_that_was_refused_is_not_repeated(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record comes before the commit; where that fails, nothing was ended."""
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        with monkeypatch.context() as patched:
            patched.setattr("filterd.store.orders.set_state", refuse)
            with pytest.raises(OSError, match="no room"):
                await ending.withdraw(context, "O-1", reason="lifted")
        noted = context.store.ledger.noted()
        assert noted is not None
        far = StoreHead(noted.committed.revision + 1, "cd" * 32, 9, 9)
        context.store.ledger.intend(noted.committed, far, [Ended(far.revision, far.hash, WITHDRAWAL, 1)])
        await subscribers.add(context, "mill")
        await subscribers.add(context, "inn")
    done = await put_back(installation, made)
    assert done.ended_again == {}
    async with installation.open() as context:
        assert (await showing.show(context, "O-1")).state is OrderState.ACCEPTED


async def refuse(*_: object) -> None:
    raise OSError("no room")


@pytest.mark.ring("merge")
async def test_endings_hold_though_the_head_of_the_ledger_is_lost(
    installation: Installation, tmp_path: Path
) -> None:
    """And no number of the store that stands there is given out again."""
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        await subscribers.opt_out(context, "home")
        for number in range(restore.UNKNOWN_ORDERS + 5):
            await taking.add(context, request(f"n{number}.example"))
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
        assert (await taking.add(context, request("three.example"))).reference == "O-3"


@pytest.mark.ring("merge")
async def test_lists_that_grew_since_the_backup_stay_grown(
    installation: Installation, tmp_path: Path
) -> None:
    """With the numbers of the backup's versions, a file of the lost history would be taken for another."""
    made = await filled(installation, tmp_path)
    async with installation.open() as context:
        installation.write_policy("lists/worst.txt", "worst.example\nworse.example\n")
        (grown,) = await updating.update(context, ["worst-of"])
    done = await put_back(installation, made)
    assert done.remarks == []
    async with installation.open() as context:
        status = await listing.show(context, "worst-of")
    assert status.version is not None
    assert grown.version is not None
    assert (status.version.names, status.version.digest) == (2, grown.version.digest)
    assert status.version.version > grown.version.version


@pytest.mark.ring("merge")
async def test_a_list_whose_source_is_gone_is_that_of_the_backup_and_is_named(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    (installation.base / "policies" / "lists" / "worst.txt").unlink()
    done = await put_back(installation, made)
    assert [each.split(":")[0] for each in done.remarks] == ["list worst-of is that of the backup"]
