"""Reads the store's change log over a plain read-only sqlite3 connection, each read in a short transaction.

An open read would stop SQLite from folding its write-ahead log back into the database, so no read outlives
its function. Used by one thread. Whatever is wrong with the store, the error is
:class:`StoreUnreadableError`, and the node goes on with what it has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filterd.model import changelog, full_state
from filterd.model.changelog import BindingChange, Change, ChangeError, LineChange, OrderChange

BUSY_SECONDS = 1.0
BATCH = 1000
"""rows read at a time: an order never waits for more than one such batch of another stream"""


class StoreUnreadableError(Exception):
    """The store is missing, locked, damaged or of another schema, or holds a change that this version cannot
    read; the message says which."""


class StoreBehindError(StoreUnreadableError):
    """The store is older than what was applied from it: it was lost and begun anew, or is a backup.

    Reading it would take away orders and choices that were acknowledged, so a node goes on with what it has.
    """


class RowsDamagedError(StoreUnreadableError):
    """The store holds orders that are not what was decided (filterd.model.order_rows)."""


@dataclass(frozen=True, slots=True)
class Head:
    """Newest revision and floor: changes at or below the floor may be gone."""

    revision: int
    hash: str
    floor: int
    floor_hash: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change; ``at`` is when it was made, Unix seconds."""

    revision: int
    at: float
    change: Change


@dataclass(frozen=True, slots=True)
class Page:
    """Changes of one stream above a cursor, the cursor after them, and whether more are waiting."""

    head: Head
    rows: tuple[ChangeRow, ...]
    cursor: int
    more: bool


class ChangeLog:
    """The store's change log, read only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._uri = f"file:{quote(str(path))}?mode=ro"
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """device and inode of the file that the connection reads"""
        self._seen_version: int | None = None

    def close(self) -> None:
        """Close the connection; the next read opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._seen_version = None

    def changed(self) -> bool:
        """Return whether anything may have been committed since the last call; always true on a new
        connection and after :meth:`forget`. Cheap enough to call every few milliseconds."""
        with self._reading() as connection:
            version: int
            (version,) = connection.execute("PRAGMA data_version").fetchone()
        before, self._seen_version = self._seen_version, version
        return before != version

    def forget(self) -> None:
        """Make the next :meth:`changed` true: what was announced could not be applied."""
        self._seen_version = None

    def head(self) -> Head:
        """Newest revision and floor."""
        with self._transaction() as connection:
            return _head(connection)

    def page(self, stream: str, cursor: int) -> Page:
        """The next changes of ``stream``. Changes below ``head.floor`` are gone: the caller compares."""
        with self._transaction() as connection:
            head = _head(connection)
            found = connection.execute(
                changelog.CHANGES_SQL, (stream, cursor, head.revision, BATCH)
            ).fetchall()
            rows = tuple(
                ChangeRow(revision, at, changelog.decode(kind, payload))
                for revision, _, kind, at, payload, *_ in found
            )
        more = len(rows) == BATCH
        return Page(head, rows, rows[-1].revision if more else max(head.revision, cursor), more)

    def all_orders(self) -> tuple[int, list[OrderChange]]:
        """The revision of the store, and every order ever in force by then."""
        with self._transaction() as connection:
            return _head(connection).revision, full_state.mandatory_state(connection.execute)

    def lines(self, after: int) -> tuple[Head, list[LineChange]]:
        """The head of the store, and the next lines above the number ``after``, at most :data:`BATCH`."""
        with self._transaction() as connection:
            return _head(connection), full_state.lines_page(connection.execute, after, BATCH)

    def bindings(self, after: str) -> tuple[Head, list[BindingChange]]:
        """The same for the bindings behind the prefix ``after``."""
        with self._transaction() as connection:
            return _head(connection), full_state.bindings_page(connection.execute, after, BATCH)

    def _present(self) -> tuple[int, int] | None:
        """Device and inode of the file at the path; None where there is none."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The connection. Where another file has taken the place of the open one, that file is opened."""
        if self._connection is not None and self._present() != self._file:
            self.close()
        try:
            if self._connection is None:
                self._file = self._present()
                self._connection = sqlite3.connect(
                    self._uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
                )
            yield self._connection
        except (sqlite3.Error, ChangeError) as error:
            self.close()
            if isinstance(error, full_state.DamagedRowsError):
                raise RowsDamagedError(str(error)) from error
            msg = f"cannot read the store: {error}"
            raise StoreUnreadableError(msg) from error


def _head(connection: sqlite3.Connection) -> Head:
    row = connection.execute(changelog.HEAD_SQL).fetchone()
    if row is None:
        msg = "the store has no head"
        raise sqlite3.DatabaseError(msg)
    return Head(*row)
