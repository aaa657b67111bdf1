"""Reads the store's change log over a plain read-only sqlite3 connection, each read in a short transaction.

An open read would stop SQLite from folding its write-ahead log back into the database, so no read outlives
its function. Used by one thread. Whatever is wrong with the store, the node goes on with what it has::

    StoreUnreadableError        missing, damaged, of another schema, or a change that this version cannot read
    ├── StoreLockedError              locked, or its disk fails: that may be over a moment later
    ├── RowsDamagedError            an order is not what was decided
    ├── OtherKeyError               a confidential order is there for another fingerprint key
    ├── ChainBrokenError            a row does not fit the chain: bit rot, or a change by hand
    └── OtherHistoryError           what was applied came from another history of the store
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filterd.model import changelog, full_state
from filterd.model.change_chain import Cursor, change_hash
from filterd.model.changelog import (
    BindingChange,
    Change,
    ChangeError,
    LiftingChange,
    LineChange,
    OrderChange,
)

BUSY_SECONDS = 0.1
"""a locked store is asked again with the next turn: orders on the disk and the clock do not wait for it"""
BATCH = 1000
"""rows read at a time: an order never waits for more than one such batch of another stream"""
_NEWEST_SNAPSHOT_SQL = "SELECT file, revision FROM snapshot ORDER BY revision DESC LIMIT 1"
PROGRESS_STEPS = 20_000
"""instructions of SQLite's virtual machine between two reports that a statement makes progress"""
_LINES_KEPT_SQL = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'changed_line'"
_ANY_CHANGE_SQL = (
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM change WHERE stream = ? AND revision > ?)"
    " OR EXISTS (SELECT 1 FROM log_floor WHERE revision > ?)"
)
_OPTED_IN_BINDINGS_SQL = (
    "SELECT binding.prefix, binding.line FROM line_state CROSS JOIN binding ON binding.line = line_state.line"
    " WHERE line_state.line > ? AND line_state.opted_in ORDER BY line_state.line DESC LIMIT ?"
)
_NEW_BINDINGS_SQL = "SELECT prefix, line FROM binding WHERE line > ? ORDER BY line DESC LIMIT ?"
_CHANGED_BINDINGS_SQL = (
    "SELECT DISTINCT binding.prefix, binding.line FROM ("
    "SELECT line FROM change WHERE stream = ? AND revision > ? AND line <= ?"
    " UNION ALL SELECT line FROM changed_line WHERE revision > ? AND line <= ?) AS changed"
    " CROSS JOIN line_state ON line_state.line = changed.line"
    " AND (line_state.opted_in OR EXISTS (SELECT 1 FROM own_name WHERE own_name.line = changed.line))"
    " CROSS JOIN binding ON binding.line = changed.line LIMIT ?"
)
"""of changed lines that opted in or have own names"""
_BINDINGS_OF_SQL = "SELECT prefix, line FROM binding WHERE line = ?"
_LIFTINGS_KEPT_SQL = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'lifting'"
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR})
"""errors that may be over a moment later"""


class StoreUnreadableError(Exception):
    """The store cannot be read or holds a change that this version cannot read; the message says which."""


class StoreLockedError(StoreUnreadableError):
    """The store is locked, or its disk reports an error."""


class ChainBrokenError(StoreUnreadableError):
    """A row of the log, or its head, does not have the hash that the chain demands. Nothing from it on is
    applied."""


class OtherHistoryError(StoreUnreadableError):
    """The store does not have the change that was applied last: it was restored, replaced or begun anew.

    Reading on would skip changes, and could take away orders and choices that were acknowledged: so a node
    goes on with what it has, until somebody says which history is the right one.
    """


class RowsDamagedError(StoreUnreadableError):
    """The store holds orders that are not what was decided (filterd.model.order_rows)."""


class OtherKeyError(StoreUnreadableError):
    """The store holds the fingerprints of a confidential order for another key than this node's. Control
    makes them anew, if it has the key of confidential names; until then this node goes on with what it has.
    """


@dataclass(frozen=True, slots=True)
class Head:
    """Newest revision and floor, each with its hash: changes at or below the floor may be gone."""

    revision: int
    hash: str
    floor: int
    floor_hash: str

    @property
    def cursor(self) -> Cursor:
        """The place of the newest revision."""
        return Cursor(self.revision, self.hash)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change; ``at`` is when it was made, Unix seconds."""

    cursor: Cursor
    at: float
    change: Change


@dataclass(frozen=True, slots=True)
class Page:
    """Changes of one stream above a cursor, the cursor after them, and whether more are waiting."""

    head: Head
    rows: tuple[ChangeRow, ...]
    cursor: Cursor
    more: bool
    gone: bool = False
    """true if changes above the cursor are gone, or it has no hash: only a full resync leads on"""


class ChangeLog:
    """The store's change log, read only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._uri = f"file:{quote(str(path))}?mode=ro"
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, ...] | None = None
        """identity and times of the file that the connection reads"""
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

    def newest(self, since: Cursor | None = None) -> Cursor:
        """The newest place of the store. Raises OtherHistoryError where ``since`` is given and belongs to
        another history."""
        with self._transaction() as connection:
            return _newest_of(connection, since)

    def page(self, stream: str, cursor: Cursor) -> Page:
        """The next changes of ``stream``, each checked against the chain. Raises OtherHistoryError, and
        ChainBrokenError where the next change itself is damaged."""
        with self._transaction() as connection:
            head = _head(connection)
            if _is_gone(connection, head, cursor):
                return Page(head, (), cursor, more=True, gone=True)
            parameters = (stream, cursor.revision, head.revision, BATCH)
            found = connection.execute(changelog.CHANGES_SQL, parameters).fetchall()
            newest = _newest(connection, head)
            rows, fault = _good_rows(found, head)
        if fault is not None and not rows:
            raise fault
        more = len(found) == BATCH or fault is not None
        return Page(head, tuple(rows), rows[-1].cursor if more else newest, more)

    def all_orders(self, since: Cursor | None = None) -> tuple[Cursor, list[OrderChange]]:
        """The same, and every order ever in force by then."""
        with self._transaction() as connection:
            newest = _newest_of(connection, since)
            return newest, full_state.mandatory_state(connection.execute)

    def all_liftings(self, now: int, since: Cursor | None = None) -> tuple[Cursor, list[LiftingChange]]:
        """The same, and every exception and suspension that is not over at ``now``. A store from before
        there were any has none, until control migrates it."""
        with self._transaction() as connection:
            newest = _newest_of(connection, since)
            if connection.execute(_LIFTINGS_KEPT_SQL).fetchone() is None:
                return newest, []
            return newest, full_state.lifting_state(connection.execute, now)

    def lines(self, after: int, since: Cursor) -> tuple[Cursor, list[LineChange]]:
        """The newest place of the store, and the next lines above the number ``after``, at most
        :data:`BATCH`. Raises OtherHistoryError where the log does not lead on from ``since``."""
        with self._transaction() as connection:
            newest = _leads_on(connection, since)
            return newest, full_state.lines_page(connection.execute, after, BATCH)

    def bindings(self, after: str, since: Cursor) -> tuple[Cursor, list[BindingChange]]:
        """The same for the bindings behind the prefix ``after``."""
        with self._transaction() as connection:
            newest = _leads_on(connection, since)
            return newest, full_state.bindings_page(connection.execute, after, BATCH)

    def newest_snapshot(self) -> tuple[str, int]:
        """File name and revision of the newest snapshot that was published; empty and -1 if none was."""
        with self._transaction() as connection:
            row = connection.execute(_NEWEST_SNAPSHOT_SQL).fetchone()
        return ("", -1) if row is None else (str(row[0]), int(row[1]))

    def unread_lines(
        self, since: int, highest: Callable[[], int], most: int, on_progress: Callable[[], None]
    ) -> tuple[int, int, list[tuple[int, int]], list[tuple[str, int]]] | None:
        """``highest()``; the newest revision; the changes above the revision ``since`` of lines up to that
        number, as line and revision; and the bindings of these lines and of those above, of at most ``most``
        each, the newest first, and of ten times as many new ones that opted in, and changed ones that did or
        have own names. None: nothing changed, or the store is of before changes told their line.
        ``on_progress`` is called now and then while it is read."""
        with self._transaction() as connection, _with_progress(connection, on_progress):
            if connection.execute(_LINES_KEPT_SQL).fetchone() is None:
                return None
            if connection.execute(_ANY_CHANGE_SQL, (changelog.PARENTAL, since, since)).fetchone() is None:
                return None
            number = highest()
            changes = connection.execute(changelog.PRUNED_LINES_SQL, (since, number)).fetchall()
            parameters = (changelog.PARENTAL, since, number)
            changes += connection.execute(changelog.CHANGED_LINES_SQL, parameters)
            bindings = connection.execute(_NEW_BINDINGS_SQL, (number, most)).fetchall()
            bindings += connection.execute(_OPTED_IN_BINDINGS_SQL, (number, 10 * most))
            places = (*parameters, since, number)
            bindings += connection.execute(_CHANGED_BINDINGS_SQL, (*places, 10 * most))
            for line in list(dict.fromkeys(line for line, _ in reversed(changes)))[:most]:
                bindings += connection.execute(_BINDINGS_OF_SQL, (line,))
            return number, _head(connection).revision, changes, bindings

    def holds(self, cursor: Cursor) -> bool:
        """False where the store has another change at this place, or none yet. True also where nobody can
        tell any more: the log was pruned there, or the store cannot be read."""
        try:
            with self._transaction() as connection:
                head = _head(connection)
                if cursor.revision < head.floor:
                    return True
                return _hash_at(connection, head, cursor.revision) == cursor.hash
        except StoreUnreadableError:
            return True

    def _present(self) -> tuple[int, ...] | None:
        """Identity, size and time of the file at the path; None where there is none. They change where the
        file is replaced or written over, and with each checkpoint of SQLite."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

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
        except ChangeError as error:
            self.close()
            kind = (
                RowsDamagedError if isinstance(error, full_state.DamagedRowsError) else StoreUnreadableError
            )
            raise kind(str(error)) from error
        except sqlite3.Error as error:
            self.close()
            msg = f"cannot read the store: {error}"
            passing = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _PASSING
            raise (StoreLockedError if passing else StoreUnreadableError)(msg) from error
        except StoreUnreadableError:
            self.close()
            raise


def _head(connection: sqlite3.Connection) -> Head:
    row = connection.execute(changelog.HEAD_SQL).fetchone()
    if row is None:
        msg = "the store has no head"
        raise sqlite3.DatabaseError(msg)
    return Head(*row)


def _newest(connection: sqlite3.Connection, head: Head) -> Cursor:
    """The place of the head. Raises ChainBrokenError where its row has another hash."""
    if _hash_at(connection, head, head.revision) != head.hash:
        msg = f"the head of the store does not have the hash of its change {head.revision}"
        raise ChainBrokenError(msg)
    return head.cursor


def _newest_of(connection: sqlite3.Connection, since: Cursor | None) -> Cursor:
    """The newest place of the store, which has the history of ``since`` where one is given: what was read a
    moment before may have been another file, or one that was just being written over."""
    head = _head(connection)
    if since is not None:
        _is_gone(connection, head, since)
    return _newest(connection, head)


def _hash_at(connection: sqlite3.Connection, head: Head, revision: int) -> str | None:
    """The hash at a revision that is not below the floor; None where the log has no such change."""
    if revision == head.floor:
        return head.floor_hash
    row = connection.execute(changelog.HASH_SQL, (revision,)).fetchone()
    return None if row is None else str(row[0])


def _is_gone(connection: sqlite3.Connection, head: Head, cursor: Cursor) -> bool:
    """Return whether only a full resync leads on from ``cursor``. Raises OtherHistoryError."""
    if cursor.revision > head.revision:
        msg = f"the store ends at revision {head.revision}, and this node has {cursor.revision}"
        raise OtherHistoryError(msg)
    if cursor.revision < head.floor or not cursor.hash:
        return True
    if _hash_at(connection, head, cursor.revision) != cursor.hash:
        msg = f"the store has another change at revision {cursor.revision} than the one applied here"
        raise OtherHistoryError(msg)
    return False


def _leads_on(connection: sqlite3.Connection, since: Cursor) -> Cursor:
    """The newest place of the store. Raises OtherHistoryError where its log does not lead there from
    ``since``."""
    head = _head(connection)
    if _is_gone(connection, head, since):
        msg = f"the store's log no longer holds what came after revision {since.revision}"
        raise OtherHistoryError(msg)
    return _newest(connection, head)


def _good_rows(found: Iterable[tuple[Any, ...]], head: Head) -> tuple[list[ChangeRow], Exception | None]:
    """The changes up to the first that cannot be applied, and the error of that one."""
    good: list[ChangeRow] = []
    for revision, stream, kind, at, payload, salt, noted, before in found:
        previous = head.floor_hash if before is None and revision - 1 == head.floor else before
        fits = previous is not None and noted == change_hash(
            previous, revision, stream, kind, at, payload, salt
        )
        if not fits:
            return good, ChainBrokenError(f"the change at revision {revision} does not fit the chain")
        try:
            change = changelog.decode(kind, payload)
        except ChangeError as error:
            return good, StoreUnreadableError(f"cannot read the store: {error}")
        good.append(ChangeRow(Cursor(revision, noted), at, change))
    return good, None


@contextmanager
def _with_progress(connection: sqlite3.Connection, on_progress: Callable[[], None]) -> Iterator[None]:
    """Have ``on_progress`` called while statements run inside the block."""
    connection.set_progress_handler(on_progress, PROGRESS_STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
