"""The errors of the store.

::

    StoreError                 the base; ``remedy`` tells what to do next
    ├── StoreMissingError           there is no store yet
    ├── StoreOutdatedError          an older schema: migrate
    ├── StoreTooNewError            a schema of a later filterd: nothing is touched
    ├── StoreRolledBackError        older than what was acknowledged, or another store
    ├── StoreRestoringError         a restore replaces it, or was interrupted
    ├── StoreReplacedError          another file has taken the place of the open one
    ├── StoreDamagedError           not a database, or a damaged one
    ├── StoreBusyError              the write lock was not free in time
    ├── StoreFullError              no room on the disk
    ├── StoreDiskError              the disk fails to read or write
    ├── StoreGroupError             writes that were committed together failed together
    ├── StoreUnwritableError        not allowed to write there
    └── LedgerUnusableError         the ledger beside the store cannot be read or written
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class StoreError(Exception):
    """The base of the tree: a message, and the remedy as an action."""

    remedy = "look at the journal of filterd-control"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy or type(self).remedy


class StoreMissingError(StoreError):
    """There is no store file yet, or an empty one."""

    remedy = (
        "see that its disk is mounted; else restore a backup: filterd restore DIRECTORY --reason ...;"
        " for a first installation alone: filterd store migrate"
    )


class StoreOutdatedError(StoreError):
    """The schema is older than this filterd."""

    remedy = "run: filterd store migrate"


class StoreTooNewError(StoreError):
    """The schema was written by a later filterd."""

    remedy = "install that version of filterd, or restore a backup made before its migration"


class StoreRolledBackError(StoreError):
    """The store is not the one that was written last: an older copy, or one begun anew."""

    remedy = (
        "put the newest store back, or restore a backup: filterd restore DIRECTORY --reason ...;"
        " to go on with the store as it stands: filterd restore --in-place --reason ..."
    )


class StoreRestoringError(StoreError):
    """A restore replaces the store, or was interrupted before its end."""

    remedy = "wait for it; if none runs any more, it was interrupted: repeat it"


class StoreReplacedError(StoreError):
    """Another file has taken the place of the one that is open, or it was removed."""

    remedy = "repeat the command, which opens the file that stands there now"


class StoreDamagedError(StoreError):
    """The file is not a database, or its pages are damaged."""

    remedy = "stop filterd-control and restore the store from a backup; the resolver goes on meanwhile"


class StoreBusyError(StoreError):
    """Another writer held the lock for too long."""

    remedy = "try again; if it stays so, find the process that holds the store file (lsof)"


class StoreFullError(StoreError):
    """There is no room for the write; nothing of it was kept."""

    remedy = "free room on the file system that holds the store, then repeat the command"


class StoreDiskError(StoreError):
    """The disk refused a read or a write; the file itself may be intact, so the remedy is not a backup."""

    remedy = "look for a failing disk (dmesg), and for a quota; mend that, then repeat the command"


class StoreGroupError(StoreError):
    """A transaction with the writes of several callers failed; nothing of them was kept."""

    remedy = "try again; if it stays so, look at the journal of filterd-web"


class StoreUnwritableError(StoreError):
    """The file or its directory does not let this user write."""

    remedy = "run the command as the owner of the store file"


class LedgerUnusableError(StoreError):
    """The ledger, which every write must note, cannot be read or written; nothing was written."""

    remedy = (
        "let the owner of the store write in that directory, free room there (df), and repeat the command"
    )


_BY_CODE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_CORRUPT: (StoreDamagedError, "the store is damaged"),
    sqlite3.SQLITE_NOTADB: (StoreDamagedError, "the store file is not a database"),
    sqlite3.SQLITE_BUSY: (StoreBusyError, "the store is locked by another process"),
    sqlite3.SQLITE_LOCKED: (StoreBusyError, "the store is locked by another process"),
    sqlite3.SQLITE_FULL: (StoreFullError, "the disk of the store is full"),
    sqlite3.SQLITE_READONLY: (StoreUnwritableError, "the store is not writable"),
    sqlite3.SQLITE_CANTOPEN: (StoreUnwritableError, "the store cannot be opened"),
    sqlite3.SQLITE_PERM: (StoreUnwritableError, "the store is not writable"),
    sqlite3.SQLITE_IOERR: (StoreDiskError, "the disk of the store reports an error"),
}
LEAST_ROOM = 64 * 1024
"""bytes below which a file system is full for SQLite: it extends the shared memory beside the store by
32 KiB, and the write-ahead log by a page"""


def translate(error: BaseException, path: Path | None = None) -> StoreError | None:
    """The store's error for one of the driver; None: the store is not the cause.

    For a full disk SQLite has one code where it writes the store, but that of any failed write or extension
    where it writes the files beside it. ``path``, the store's file, tells which it was: its file system is
    looked at.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, sqlite3.Error):
        return None
    code = getattr(original, "sqlite_errorcode", None)
    if code is None and "decode to UTF-8" in str(original):  # the driver's own error, which quotes the text
        return StoreDamagedError("a text in the store is damaged")
    if code is not None and code & 0xFF == sqlite3.SQLITE_IOERR and path is not None and _is_full(path):
        code = sqlite3.SQLITE_FULL
    if code is not None and code & 0xFF == sqlite3.SQLITE_CANTOPEN and path is not None and not path.exists():
        return StoreMissingError(f"there is no store at {path}")
    known = _BY_CODE.get(code & 0xFF) if code is not None else None
    if known is None:
        return None
    kind, message = known
    return kind(message)


def _is_full(path: Path) -> bool:
    """Return whether the file system of the store has no room left, for this user, or no more files."""
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return False
    free = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    return free * found.f_frsize < LEAST_ROOM or (found.f_files > 0 and found.f_ffree == 0)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the driver's errors into the store's, once, at its boundary. Other errors pass unchanged. ``path``
    is the store's file."""
    try:
        yield
    except PoolTimeoutError:
        message = "the store is busy: this process has too many writes under way"
        raise StoreBusyError(message) from None
    except (DBAPIError, sqlite3.Error) as error:
        known = translate(error, path)
        if known is None:
            raise
        # The driver's message quotes statement and parameters, which may be names: it is not chained.
        raise known from None
