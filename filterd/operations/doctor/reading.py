"""Opens the store to read it alone: nothing beside it is made or changed, whoever looks.

An ordinary connection makes the files of the write-ahead log where there are none; made by root, they would
lock the service out. Where they are there, the file is read through them, and they too are opened to be read
alone (``readonly_shm``): SQLite by itself would open the index to write, and to make it. Where they are not,
nobody has the store open, and it is read as a file that does not change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from filterd.operations.context import Context
from filterd.operations.doctor.case import Case, stands
from filterd.store import schema
from filterd.store.errors import StoreError, StoreMissingError, StoreUnwritableError
from filterd.store.store import Store

WAIT_SECONDS = 2.0


class UnmappedLogError(StoreError):
    """A write-ahead log stands without its index (``-shm``): to read it would make that file."""


class InspectedStore(Store):
    """A store that is read and never written."""

    def __init__(self, case: Case) -> None:
        super().__init__(case.settings.store.url, case.settings.store.ledger)
        self._reader = create_async_engine(
            read_only_url(case.store),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={"timeout": WAIT_SECONDS},
        )
        event.listen(self._reader.sync_engine, "connect", _forbid_writing)

    def write(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise _read_alone()

    def report(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise _read_alone()


def _read_alone() -> StoreUnwritableError:
    message = "the store was opened to be read alone"
    return StoreUnwritableError(message)


def read_only_url(path: Path) -> str:
    """The URL under which nothing is written. Raises UnmappedLogError and ``OSError``."""
    log, index = path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
    in_use = stands(index)
    if not in_use and stands(log) and log.stat().st_size:
        message = f"{log} has changes that are not in the store yet, and its index is gone"
        raise UnmappedLogError(message, "start filterd-control, which takes them in")
    options = "mode=ro&readonly_shm=1" if in_use else "mode=ro&immutable=1"
    return f"sqlite+aiosqlite:///file:{quote(str(path))}?{options}&uri=true"


def _forbid_writing(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


@asynccontextmanager
async def opened(case: Case) -> AsyncIterator[Context]:
    """The use cases' context over the store, to read alone. Raises the store's errors, and ``OSError`` where
    this user may not look."""
    if not stands(case.store) or not case.store.stat().st_size:
        message = f"there is no store at {case.store}"
        raise StoreMissingError(message)
    case.store.open("rb").close()
    store = InspectedStore(case)
    try:
        async with store.read() as connection:
            await connection.run_sync(schema.require_current)
        yield Context(case.settings, store, case.machine.clock, actor="")
    finally:
        await store.close()
