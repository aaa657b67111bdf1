"""The driver's connection, whose statements can run on the event loop for a while.

aiosqlite runs each statement on a thread of the connection, and the way there and back costs several times
what a statement does that finds its pages in memory. While a transaction holds the write lock its statements
wait for nobody, and what they write goes to the disk at the commit: those of a group of writes run where they
are asked for (:func:`statements_here`). Begin and commit stay on the thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiosqlite

_CHUNK = 64
"""rows that an iteration over a cursor fetches at once, as aiosqlite has it"""


class StoreConnection(aiosqlite.Connection):
    """A connection to the store."""

    here = False
    """True while statements run on the event loop; nothing is at work on the thread then"""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.here and self._connection is not None:
            return fn(*args, **kwargs)
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]  # as aiosqlite has it

    def at_once(self, statement: str) -> None:
        """Run a statement without a result, while statements run here."""
        self._conn.execute(statement).close()

    def fetch_here(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a query, while statements run here."""
        return self._conn.execute(statement, values).fetchall()

    def change_here(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement without a result for each of these parameters, while statements run here."""
        self._conn.executemany(statement, rows).close()


def connected(path: Path, mode: str = "rw", **options: Any) -> sqlite3.Connection:
    """A connection to the database at ``path``, which stands there: SQLite's default mode would make an empty
    one. ``options`` are those of ``sqlite3.connect``."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection: sqlite3.Connection = sqlite3.connect(uri, uri=True, **options)
    return connection


async def open_driver(path: Path, patience: float) -> StoreConnection:
    """Open a connection. ``patience``: seconds that SQLite waits for a lock."""

    def opened() -> sqlite3.Connection:
        return connected(path, timeout=patience, check_same_thread=False)

    connection = StoreConnection(opened, _CHUNK)
    connection._thread.daemon = True  # as the dialect has it: a connection that is left open stops no exit
    try:
        await connection
    except sqlite3.Error:
        await asyncio.to_thread(connection._thread.join)  # it still tells the event loop that it ends
        raise
    return connection


@contextmanager
def statements_here(driver: StoreConnection) -> Iterator[None]:
    """Run the statements of this block on the event loop."""
    driver.here = True
    try:
        yield
    finally:
        driver.here = False
