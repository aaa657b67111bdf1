"""The store: there, of this schema, with pages that fit together, and whole in a time that is bounded."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator

from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.store.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreDiskError,
    StoreError,
    StoreMissingError,
    StoreOutdatedError,
    StoreTooNewError,
    StoreUnwritableError,
)

CHECK_SECONDS = 5.0
STEPS = 10_000
"""SQLite's own steps between two looks at the time"""
LARGEST_LOG = 256 * 1024 * 1024
_KINDS: tuple[tuple[type[StoreError], str], ...] = (
    (StoreMissingError, "store.missing"),
    (StoreOutdatedError, "store.older"),
    (StoreTooNewError, "store.newer"),
    (StoreDamagedError, "store.damaged"),
    (StoreDiskError, "store.damaged"),
    (StoreBusyError, "store.not_read"),
    (StoreUnwritableError, "store.not_read"),
    (reading.UnmappedLogError, "store.not_read"),
)


def check(case: Case) -> Iterator[Finding]:
    """Open the store as the commands do, then check its pages."""
    try:
        asyncio.run(_open(case))
    except StoreError as error:
        identifier = next((each for kind, each in _KINDS if isinstance(error, kind)), "store.not_read")
        yield found(identifier, path=str(case.store), reason=str(error))
        if identifier in ("store.missing", "store.not_read", "store.damaged"):
            return
    yield from _pages(case)
    log = case.store.with_name(f"{case.store.name}-wal")
    if stands(log) and log.stat().st_size > LARGEST_LOG:
        yield found("store.large_log", path=str(log), size=log.stat().st_size // (1024 * 1024))


async def _open(case: Case) -> None:
    async with reading.opened(case):
        pass


def _pages(case: Case) -> Iterator[Finding]:
    """Check every page and that each index has its rows, as far as the time reaches."""
    url = reading.read_only_url(case.store).removeprefix("sqlite+aiosqlite:///").removesuffix("&uri=true")
    connection = sqlite3.connect(url, uri=True, timeout=reading.WAIT_SECONDS)
    deadline = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    try:
        problems = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        yield found("store.unchecked", path=str(case.store), seconds=CHECK_SECONDS)
    except sqlite3.DatabaseError as error:
        yield found("store.damaged", path=str(case.store), reason=str(error))
    else:
        if problems != ["ok"]:
            yield found("store.damaged", path=str(case.store), reason="its pages do not fit together")
    finally:
        connection.close()
