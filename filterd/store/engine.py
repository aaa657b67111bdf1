"""Opens connections to SQLite, and begins and ends their transactions.

The driver's own transaction control is off (``AUTOCOMMIT``): it would begin a transaction late, without the
write lock, and a reader that became a writer would then fail. Here a statement begins and ends every
transaction.

A writer waits for the lock in short turns. SQLite's own wait grows to 100 ms between two attempts, and an
order would miss the pauses that an import makes between its chunks. With :data:`TURN_MS` two attempts are
never further apart than :data:`BREATH` seconds.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ExceptionContext, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from filterd.store.driver import open_driver
from filterd.store.errors import StoreBusyError, StoreError, translate

TURN_MS = 20
"""how long SQLite itself waits for the write lock before we check our own deadline"""
BREATH = 0.015
"""seconds for which bulk work leaves the lock free after each chunk; longer than between two attempts"""
CLOSING_WAIT = 5.0
"""seconds until a connection that is in use is given up when all are closed"""
WAL_LIMIT = 64 * 1024 * 1024
"""bytes to which the write-ahead log is truncated after a checkpoint"""
EMPTYING_TRIES = 5
"""each waits for readers as long as a write waits for the lock"""
_TO_CLEAN = 1
"""the ``user_version`` of a store that has yet to be written anew"""
WAL_TRUNCATE = 8 * 1024 * 1024
"""bytes of write-ahead log from which a writer waits a moment for readers, so that the log can be reset"""


@dataclass(frozen=True, slots=True)
class Waits:
    """The longest waits for the store, in seconds; then StoreBusyError is raised."""

    write: float
    """of a writer: for its turn in this process and for the lock, together"""
    connection: float
    """of a reader: for a connection of the pool"""
    lock: float
    """of a reader on a connection's thread: for a lock, which only a process that has the whole file keeps
    from readers. Statements on the event loop do not wait for one"""
    note: float = 0.5
    """of a reader: for the note that something is used (:meth:`.store.Store.note_use`)"""


PATIENT = Waits(write=15.0, connection=15.0, lock=5.0)
"""of commands and control"""
PROMPT = Waits(write=4.0, connection=3.0, lock=1.0)
"""of a process that answers requests: they are refused within 5 seconds"""


def database_path(url: str) -> Path:
    """The file of a ``sqlite:///`` URL."""
    return Path(_parsed(url).database or "")


def _parsed(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        message = f"unsupported store URL {parsed.render_as_string(hide_password=True)!r}"
        raise StoreError(message, "write it as sqlite:////var/lib/filterd/filterd.db")
    return parsed


def connect(url: str, *, writer: bool, make: bool = False, waits: Waits = PATIENT) -> AsyncEngine:
    """An engine whose connections set every pragma that the store relies on.

    An empty file may be a copy of a store that has just begun, and is left as it is unless ``make`` says that
    a store is made in it. The writer's pool has one connection: writes of one process queue up, and wait for
    other processes at the lock.
    """
    parsed = _parsed(url).set(drivername="sqlite+aiosqlite")
    engine = create_async_engine(
        parsed,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # in the texts of errors: they may be names
        pool_size=1 if writer else 4,
        max_overflow=0,
        pool_timeout=waits.write if writer else waits.connection,
        async_creator=partial(open_driver, database_path(url), waits.lock),
    )
    lock_ms = int(waits.lock * 1000)
    wait = TURN_MS if writer else lock_ms

    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={lock_ms}")
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        for pragma in (
            *(("journal_mode=WAL",) if pages or make else ()),
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            f"journal_size_limit={WAL_LIMIT}",
            "cache_size=-16384",
            f"busy_timeout={wait}",
            f"query_only={'OFF' if writer else 'ON'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "handle_error", _keep_connection)
    return engine


async def close(engine: AsyncEngine) -> None:
    """Close every connection. Who was cancelled a moment ago may not have given its own back yet, and a pool
    that is gone would leave it open: it is waited for, :data:`CLOSING_WAIT` seconds at most."""
    pool: Any = engine.sync_engine.pool
    for _ in range(int(CLOSING_WAIT / BREATH)):
        if not pool.checkedout():
            break
        await asyncio.sleep(BREATH)
    await engine.dispose()


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, *, write: bool, here: bool = False, waits: Waits = PATIENT
) -> AsyncIterator[AsyncConnection]:
    """One transaction: committed when the block ends, rolled back when it raises or is cancelled. ``here``:
    the statements of a reader run on the event loop, which waits for no lock: where one is held, they fail at
    once."""
    deadline = time.monotonic() + waits.write
    connection = await _connected(engine)
    driver: Any = None
    try:
        driver = (await connection.get_raw_connection()).driver_connection
        driver.here = here
        try:
            if here:
                driver.at_once("PRAGMA busy_timeout=0")
            if write:
                await _begin_immediate(connection, deadline)
            else:
                await connection.exec_driver_sql("BEGIN")
            yield connection
            await connection.exec_driver_sql("COMMIT")
        except BaseException:
            await asyncio.shield(_abandon(driver))
            raise
        if write:
            await _truncate_log(connection)
    finally:
        await asyncio.shield(_give_back(connection, driver, waits))


async def _give_back(connection: AsyncConnection, driver: Any, waits: Waits) -> None:
    """Return a connection to its pool; its statements are the thread's again before another has it, and wait
    for locks."""
    try:
        if driver is not None and driver.here:
            driver.at_once(f"PRAGMA busy_timeout={int(waits.lock * 1000)}")
        await connection.close()
    finally:
        if driver is not None:
            driver.here = False


async def _connected(engine: AsyncEngine) -> AsyncConnection:
    """A connection of the pool. If the caller is cancelled meanwhile, it is returned, not left open."""
    opening = asyncio.ensure_future(_open(engine))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        if opening.exception() is None:
            await opening.result().close()
        raise


async def _open(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _abandon(driver: Any) -> None:
    """Roll back, so that no transaction and no lock stays.

    If the caller was cancelled, a statement may still be running on the connection's thread: the rollback
    comes after it. Without a transaction the rollback does nothing (SQLite rolls back by itself after some
    errors, for example a full disk).
    """
    await driver.rollback()


async def _truncate_log(connection: AsyncConnection) -> None:
    """Checkpoint and truncate a large write-ahead log. Under readers without a gap it would grow on: SQLite's
    own checkpoints do not wait for them. If a reader outlasts the wait, the next writer tries again."""
    if _log_size(connection) > WAL_TRUNCATE:
        with suppress(OperationalError):  # the write is kept even if this fails
            (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).close()


async def empty_log(engine: AsyncEngine) -> bool:
    """Write the whole write-ahead log back and empty it; False where a reader kept that from happening.

    What was deleted from the store is in the log still, in pages that were written before.
    """
    connection = await _connected(engine)
    try:
        for _ in range(EMPTYING_TRIES):
            busy = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
            if not busy:
                return True
            await asyncio.sleep(BREATH)
    finally:
        await asyncio.shield(connection.close())
    return False


async def want_cleaning(connection: AsyncConnection) -> None:
    """Note in the store, with the transaction, that :func:`clean` has to be done."""
    await connection.exec_driver_sql(f"PRAGMA user_version={_TO_CLEAN}")


async def clean(engine: AsyncEngine) -> None:
    """Write the store anew without what was deleted from it, where that was noted; until it is done, the next
    migration does it. ``secure_delete`` blanks what is deleted, and not what the splitting of a page left
    behind."""
    connection = await _connected(engine)
    try:
        if (await connection.exec_driver_sql("PRAGMA user_version")).scalar_one() != _TO_CLEAN:
            return
        try:
            await connection.exec_driver_sql("VACUUM")
        except OperationalError as error:
            message = "the store is migrated, and its file may still hold names of confidential orders"
            remedy = "free as much room as the store takes (df), then run: filterd store migrate"
            raise StoreError(message, remedy) from error
        await connection.exec_driver_sql("PRAGMA user_version=0")
    finally:
        await asyncio.shield(connection.close())
    await empty_log(engine)


def _log_size(connection: AsyncConnection) -> int:
    try:
        return Path(f"{connection.engine.url.database}-wal").stat().st_size
    except OSError:
        return 0


def _keep_connection(context: ExceptionContext) -> None:
    """Keep the connection of a cancelled statement: SQLAlchemy would drop it and leave it open."""
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


async def _begin_immediate(connection: AsyncConnection, deadline: float) -> None:
    while True:
        try:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if not isinstance(translate(error), StoreBusyError) or time.monotonic() > deadline:
                raise
            # A random pause, so that two writers do not keep trying at the same moments.
            await asyncio.sleep(random.random() * 0.003)  # noqa: S311 - spreads waiting, hides nothing
        else:
            return
