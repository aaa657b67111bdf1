"""Transactions: what is written together is there together, with its place in the log and in the trail."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from filterd.audit.chain import Proof, prove
from filterd.model.audit_chain import GENESIS
from filterd.model.changelog import (
    CHANGED_LINES_SQL,
    CHANGES_SQL,
    CONTROL,
    HEAD_SQL,
    PARENTAL,
    BindingChange,
    BindingRemoved,
    LineChange,
    LineRemoved,
)
from filterd.model.full_state import BINDINGS_SQL
from filterd.model.line import LineChoices
from filterd.store import change_log, engine, tables
from filterd.store.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreFullError,
    StoreMissingError,
    StoreReplacedError,
    translated,
)
from filterd.store.lookups import Lookup, Lookups
from filterd.store.store import Store

NOW = 1_800_000_000.0


async def append(store: Store, count: int = 1, action: str = "test") -> int:
    for number in range(count):
        async with store.write("ana", NOW) as write:
            write.change(LineRemoved(number))
            write.audit(action, "line:1")
    return write.revision


async def proof(store: Store) -> Proof:
    async with store.read() as connection:
        end = await change_log.chain_end(connection)
    return await prove(change_log.all_entries(store.read, end[0]), end)


async def test_no_connection_makes_a_store_where_none_is(tmp_path: Path) -> None:
    """It went away between the look at its place and the opening: an empty one was left there."""
    path = tmp_path / "gone.db"
    made = engine.connect(f"sqlite:///{path}", writer=False)
    with pytest.raises(StoreMissingError, match="there is no store at"), translated(path):
        async with engine.transaction(made, write=False):
            pass
    with pytest.raises(StoreMissingError), translated(path):
        Lookups(path).row(Lookup(select(tables.head)))
    await engine.close(made)
    assert list(tmp_path.iterdir()) == []


async def test_every_connection_has_the_pragmas(store: Store) -> None:
    async with store.read() as reader, store.report() as writer:
        for connection in (reader, writer):
            found = [
                (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
            ]
            assert found == ["wal", 2, 1, 1]
            assert (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one() > 0


async def test_revisions_and_the_chain_grow_together(store: Store) -> None:
    assert await append(store, 3) == 3
    async with store.write("ana", NOW) as write:
        write.change(BindingRemoved("192.0.2.1/32"), LineRemoved(7))
        write.audit("one", "line:1")
        write.audit("two", "line:2")
    assert write.revision == 5
    async with store.read() as connection:
        entries = await change_log.entries(connection)
    assert [each.entry.revision for each in entries] == [1, 2, 3, 5, 5]
    assert entries[0].previous_hash == GENESIS
    assert await proof(store) == Proof(5, entries[-1].hash)


async def test_a_decision_without_a_change_has_its_place_in_the_log_too(store: Store) -> None:
    async with store.write("ana", NOW) as write:
        write.audit("looked", "order:O-1")
    async with store.read() as connection:
        found = await connection.exec_driver_sql(CHANGES_SQL, (CONTROL, 0, 9, 9))
        assert [(row.revision, row.kind) for row in found] == [(1, "audit")]


async def test_data_without_an_audit_entry_is_refused(store: Store) -> None:
    with pytest.raises(RuntimeError, match="without an audit entry"):
        async with store.write("ana", NOW) as write:
            await write.connection.execute(text("UPDATE log_floor SET revision = 5"))
    with pytest.raises(RuntimeError, match="without an audit entry"):
        async with store.write("ana", NOW) as write:
            write.change(LineRemoved(1))
    async with store.read() as connection:
        assert await change_log.floor(connection) == 0


async def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.write("ana", NOW) as write:
            write.take_lines(5)
            write.change(LineRemoved(1))
            write.audit("x", "y")
            await write.finish()
            raise ZeroDivisionError
    assert await append(store) == 1
    async with store.write("ana", NOW) as write:
        assert write.take_lines(1) == 1


async def test_a_write_that_is_cancelled_leaves_nothing_and_the_lock_is_free(store: Store) -> None:
    async def slow() -> None:
        async with store.write("ana", NOW) as write:
            write.change(LineRemoved(1))
            write.audit("x", "y")
            await write.finish()
            started.set()
            await asyncio.sleep(60)

    started = asyncio.Event()
    task = asyncio.create_task(slow())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await append(store) == 1


@pytest.mark.parametrize("turns", range(1, 22, 3))
async def test_a_write_that_is_cancelled_at_any_moment_leaves_nothing_and_the_lock_is_free(
    store: Store, turns: int
) -> None:
    slow = text(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 500000) SELECT 1 FROM c"
    )

    async def write_slowly() -> None:
        async with store.write("ana", NOW) as write:
            await write.connection.execute(text("UPDATE log_floor SET revision = 7"))
            await write.connection.execute(slow)
            write.audit("x", "y")

    task = asyncio.create_task(write_slowly())
    for _ in range(turns):
        await asyncio.sleep(0.0005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await append(store) == 1
    async with store.read() as connection:
        assert await change_log.floor(connection) == 0


async def test_two_writers_in_one_process_take_turns(store: Store) -> None:
    await asyncio.gather(*(append(store, 5) for _ in range(4)))
    assert (await proof(store)).entries == 20


async def test_a_reader_sees_one_state(store: Store) -> None:
    await append(store)
    async with store.read() as connection:
        before = await change_log.revision(connection)
        await append(store)
        assert await change_log.revision(connection) == before
    async with store.read() as connection:
        assert await change_log.revision(connection) == before + 1


async def test_a_reader_cannot_write(store: Store) -> None:
    async with store.read() as connection:
        with pytest.raises(OperationalError, match="readonly"):
            await connection.execute(text("DELETE FROM change"))


async def test_a_second_entry_on_the_same_predecessor_is_impossible(store: Store) -> None:
    await append(store)
    async with store.read() as connection:
        (entry,) = (await connection.execute(select(tables.audit))).mappings().all()
    with (
        pytest.raises(sqlite3.IntegrityError),
        closing(sqlite3.connect(engine.database_path(_url(store)))) as raw,
    ):
        raw.execute(
            "INSERT INTO audit SELECT 2, revision, at, actor, action, subject, reason, before, after,"
            " previous_hash, 'f', salt FROM audit WHERE sequence = ?",
            (entry["sequence"],),
        )


async def test_a_held_lock_is_waited_for_and_then_reported(store: Store) -> None:
    with closing(sqlite3.connect(engine.database_path(_url(store)), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(append(store))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        other.execute("ROLLBACK")
        assert await waiting == 1
        other.execute("BEGIN IMMEDIATE")
        store.waits = replace(store.waits, write=0.1)
        with pytest.raises(StoreBusyError) as caught:
            await append(store)
        assert "lock" in str(caught.value)
        other.execute("ROLLBACK")
    assert await append(store) == 2


async def test_readers_without_a_gap_let_the_log_grow_no_further_than_their_own_end(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own checkpoint would have to meet a moment when nobody reads."""
    monkeypatch.setattr(engine, "WAL_TRUNCATE", 50_000)
    database = engine.database_path(url)
    wal = database.with_name(database.name + "-wal")
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        seen = reader.execute(HEAD_SQL).fetchone()
        await append(store, 20)
        assert wal.stat().st_size > 50_000
        assert reader.execute(HEAD_SQL).fetchone() == seen
        reader.execute("COMMIT")
    await append(store)
    assert wal.stat().st_size == 0


async def test_a_full_disk_keeps_what_was_there(store: Store) -> None:
    await append(store)
    async with store.report() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreFullError):
        async with store.write("ana", NOW) as write:
            write.audit("big", "x", after={"much": "x" * 1_000_000})
    async with store.report() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert await append(store) == 2
    assert (await proof(store)).holds


@pytest.mark.ring("merge")
async def test_a_database_damaged_while_open_is_reported_without_its_contents(
    store: Store, tmp_path: Path
) -> None:
    await append(store, 200, action="secret.example")
    await store.close()
    path = engine.database_path(_url(store))
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xa5" * (len(content) - 8192))
    with pytest.raises(StoreDamagedError) as caught:
        await append(store, action="secret.example")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_pruning_raises_the_floor_and_keeps_the_newest(store: Store) -> None:
    await append(store, 12)
    async with store.report() as connection:
        assert not await change_log.prune(connection, keep=5)
    async with store.read() as connection:
        assert await change_log.floor(connection) == 7
        assert [tuple(row)[::2] for row in await connection.exec_driver_sql(HEAD_SQL)] == [(12, 7)]
        assert await change_log.hash_at(connection, 7)
        left = await connection.exec_driver_sql(CHANGES_SQL, (PARENTAL, 7, 12, 99))
        assert [row.revision for row in left] == [8, 9, 10, 11, 12]
        assert (await connection.exec_driver_sql(BINDINGS_SQL, ("", 9))).all() == []
    assert await append(store) == 13


async def test_pruning_goes_by_small_steps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_log, "PRUNE_ROWS", 4)
    await append(store, 12)
    steps = []
    more = True
    while more:
        async with store.report() as connection:
            more = await change_log.prune(connection, keep=2)
            steps.append(await change_log.floor(connection))
    assert steps == [4, 8, 10]


async def test_pruning_keeps_the_last_change_of_each_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that starts below the floor must know which lines changed."""
    monkeypatch.setattr(change_log, "PRUNE_ROWS", 2)
    async with store.write("ana", NOW) as write:
        bound, gone = BindingChange("192.0.2.1/32", 9), BindingRemoved("192.0.2.1/32", 9)
        write.change(LineChange(LineChoices(7)), bound, gone, LineChange(LineChoices(7)))
        write.change(LineChange(LineChoices(8)))
        write.audit("test", "test")
    for _ in range(2):
        async with store.report() as connection:
            await change_log.prune(connection, keep=1)
    async with store.read() as connection:
        kept = await connection.execute(select(tables.changed_line).order_by(tables.changed_line.c.line))
        left = await connection.exec_driver_sql(CHANGED_LINES_SQL, (PARENTAL, 0, 99))
        assert [tuple(row) for row in kept] == [(7, 4), (9, 3)]
        assert [tuple(row) for row in left] == [(8, 5)]


async def test_pruning_keeps_no_line_that_was_removed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number never comes again, and a node has nothing to wait for: the removal closes nothing."""
    monkeypatch.setattr(change_log, "PRUNE_ROWS", 2)
    async with store.write("ana", NOW) as write:
        write.change(LineChange(LineChoices(7)), LineChange(LineChoices(9)), LineChange(LineChoices(7)))
        write.change(LineRemoved(7), LineChange(LineChoices(8)))
        write.audit("test", "test")
    found = []
    for _ in range(2):
        async with store.report() as connection:
            await change_log.prune(connection, keep=1)
            kept = await connection.execute(select(tables.changed_line).order_by(tables.changed_line.c.line))
            found.append([tuple(row) for row in kept])
    assert found == [[(7, 1), (9, 2)], [(9, 2)]]


async def test_an_unknown_line_cannot_be_referred_to(store: Store) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        async with store.report() as connection:
            await connection.execute(insert(tables.binding).values(prefix="192.0.2.1/32", line=99))


def _url(store: Store) -> str:
    return str(store._writer.url).replace("+aiosqlite", "")


@pytest.mark.parametrize("replace_by", [None, b"another file"])
async def test_a_file_that_was_replaced_is_not_read_on(
    store: Store, url: str, replace_by: bytes | None
) -> None:
    """The open one is nobody's truth any more: what is written there is lost."""
    path = engine.database_path(url)
    assert not store.replaced
    path.rename(path.with_name("away"))
    if replace_by is not None:
        path.write_bytes(replace_by)
    assert store.replaced
    for use in (store.read, lambda: store.write("ana", NOW), store.report):
        with pytest.raises(StoreReplacedError, match="another file"):
            async with use():
                pass
    path.with_name("away").rename(path)
    assert not store.replaced
