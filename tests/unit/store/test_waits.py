"""A store that another process has locked: who waits, how often, and who does not."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.engine import PROMPT, database_path
from filterd.store.errors import StoreBusyError
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside
from tests.worlds.migrated import migrated

SHORT = replace(PROMPT, write=0.2, connection=0.2, lock=0.05)


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An open store with short waits."""
    await migrated(url, ledger_beside(url))
    opened = await Store.open(url, ledger_beside(url), waits=SHORT)
    yield opened
    await opened.close()


@pytest.fixture
def other(store: Store, url: str) -> Iterator[sqlite3.Connection]:
    """The connection of another process."""
    del store
    with closing(sqlite3.connect(database_path(url), isolation_level=None)) as made:
        yield made


@pytest.fixture
def tries(store: Store) -> list[str]:
    """The statements with which the store's writer tries to get the lock."""
    found: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if statement == "BEGIN IMMEDIATE":
            found.append(statement)

    event.listen(store._writer.sync_engine, "before_cursor_execute", note)
    return found


async def _write(store: Store) -> None:
    async with store.report() as connection:
        await connection.execute(text("SELECT 1"))


async def test_a_writer_waits_for_its_turn_and_for_the_lock_together(
    store: Store, other: sqlite3.Connection, tries: list[str]
) -> None:
    """It waited for its turn first, and then for the lock as long again: a call took 22.8 s."""
    other.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(_write(store))
    second = asyncio.create_task(_write(store))
    with pytest.raises(StoreBusyError):
        await first
    tried = len(tries)
    with pytest.raises(StoreBusyError):
        await second
    assert tried > 1
    assert len(tries) - tried <= 1


async def test_readers_do_not_wait_for_a_writer(store: Store, other: sqlite3.Connection) -> None:
    other.execute("BEGIN EXCLUSIVE")  # beside a write-ahead log it is the write lock
    async with store.read() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    async with store.read(here=True) as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_the_event_loop_waits_for_no_lock(store: Store) -> None:
    """Under a lock on the whole file each such read held the loop, and every other request, for 5 seconds."""
    async with store.read(here=True) as connection:
        assert (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one() == 0
    async with store.read() as connection:
        assert (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one() == 50


@pytest.mark.parametrize("here", [False, True])
async def test_a_lock_on_the_whole_file_refuses_readers_and_they_go_on_afterwards(
    store: Store, url: str, *, here: bool
) -> None:
    await store.close()  # SQLite gives the whole file to a process only where it is alone
    with closing(sqlite3.connect(database_path(url), isolation_level=None)) as alone:
        alone.execute("PRAGMA locking_mode=EXCLUSIVE").close()
        alone.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError):
            async with store.read(here=here) as connection:
                await connection.execute(text("SELECT 1 FROM subscriber"))
        with pytest.raises(StoreBusyError):
            await _write(store)
    async with store.read(here=here) as connection:
        await connection.execute(text("SELECT 1 FROM subscriber"))
    await _write(store)


async def test_a_note_waits_once_and_while_the_lock_is_held_no_more(
    store: Store, other: sqlite3.Connection, tries: list[str]
) -> None:
    async def nothing(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT 1"))

    assert await store.note_use(nothing)
    store.waits = replace(SHORT, note=0.1)
    other.execute("BEGIN IMMEDIATE")
    tries.clear()
    assert not await store.note_use(nothing)
    assert len(tries) > 1
    for _ in range(3):
        tries.clear()
        assert not await store.note_use(nothing)
        assert len(tries) == 1
    waiting = asyncio.create_task(_write(store))
    await asyncio.sleep(0)
    while not store._writer.sync_engine.pool.checkedout():  # type: ignore[attr-defined]  # a pool of connections
        await asyncio.sleep(0)
    assert not await store.note_use(nothing), "a write of this process is before it"
    other.execute("ROLLBACK")
    await waiting
    assert await store.note_use(nothing)
