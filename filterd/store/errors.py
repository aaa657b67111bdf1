"""The errors of the store.

::

    StoreError                 the base; ``remedy`` tells what to do next
    ├── StoreMissingError           there is no store yet
    ├── StoreOutdatedError          an older schema: migrate
    ├── StoreTooNewError            a schema of a later filterd: nothing is touched
    ├── StoreRolledBackError        older than what was acknowledged, or another store
    ├── StoreRestoringError         a restore replaces it, or was interrupted
    ├── StoreDamagedError           not a database, or a damaged one
    ├── StoreBusyError              the write lock was not free in time
    ├── StoreFullError              no room on the disk
    ├── StoreDiskError              the disk fails to read or write
    ├── StoreUnwritableError        not allowed to write there
    └── LedgerUnusableError         the ledger beside the store cannot be read or written
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

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

    remedy = "restore it from a backup; for a new installation run: filterd store migrate"


class StoreOutdatedError(StoreError):
    """The schema is older than this filterd."""

    remedy = "run: filterd store migrate"


class StoreTooNewError(StoreError):
    """The schema was written by a later filterd."""

    remedy = "install that version of filterd, or restore a backup made before its migration"


class StoreRolledBackError(StoreError):
    """The store is not the one that was written last: an older copy, or one begun anew."""

    remedy = (
        "put the newest store back, or restore a backup: filterd restore DIRECTORY;"
        " to go on with the store as it stands: filterd restore --in-place"
    )


class StoreRestoringError(StoreError):
    """A restore replaces the store, or was interrupted before its end."""

    remedy = "wait for it; if none runs any more, it was interrupted: repeat it"


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

    remedy = "see whether the file system is full (df) or failing (dmesg), then repeat the command"


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
_FULL = frozenset({sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE})
"""the codes of a full disk when SQLite writes the files beside the store"""


def translate(error: BaseException) -> StoreError | None:
    """The store's error for one of the driver; None: the store is not the cause."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, sqlite3.Error):
        return None
    code = getattr(original, "sqlite_errorcode", None)
    if code in _FULL:
        code = sqlite3.SQLITE_FULL
    known = _BY_CODE.get(code & 0xFF) if code is not None else None
    if known is None:
        return None
    kind, message = known
    return kind(message)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into the store's, once, at its boundary. Other errors pass unchanged."""
    try:
        yield
    except PoolTimeoutError:
        message = "the store is busy: this process has too many writes under way"
        raise StoreBusyError(message) from None
    except (DBAPIError, sqlite3.Error) as error:
        known = translate(error)
        if known is None:
            raise
        # The driver's message quotes statement and parameters, which may be names: it is not chained.
        raise known from None
