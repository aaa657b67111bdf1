"""The interface of the store: read transactions, audited writes, and reports that are neither.

::

    async with store.read() as connection:            # one state, however many statements
    async with store.write(actor, now) as write:      # data + changes + audit entry, or nothing
    async with store.report() as connection:          # node acknowledgements, feed checks

The statements for each kind of object are functions over a connection, in modules beside this one
(``store.subscribers``, ``store.orders`` ...). Use cases call them inside one of the three blocks.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from filterd.store import schema
from filterd.store.engine import connect, database_path, empty_log, transaction
from filterd.store.errors import StoreMissingError, StoreUnwritableError, translated
from filterd.store.write import Write

__all__ = ["Store", "Write"]


class Store:
    """An open store, to be closed after use. Owned by one event loop."""

    def __init__(self, url: str) -> None:
        """Use :meth:`open` or :meth:`migrate`, which check the file first."""
        self._reader: AsyncEngine = connect(url, writer=False)
        self._writer: AsyncEngine = connect(url, writer=True)

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open a store that has our schema; raises the matching StoreError for any other."""
        path = database_path(url)
        if not path.exists():
            message = f"there is no store at {path}"
            raise StoreMissingError(message)
        store = cls(url)
        try:
            async with store.read() as connection:
                await connection.run_sync(schema.require_current)
        except BaseException:
            await store.close()
            raise
        return store

    @classmethod
    async def migrate(cls, url: str) -> tuple[str | None, str]:
        """Create the store, or migrate it to our schema; return the versions of the schema before and after.

        Only its owner may read and write a new file.
        """
        path = database_path(url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            message = f"cannot make the store at {path}: {error.strerror}"
            raise StoreUnwritableError(message) from error
        store = cls(url)
        try:
            with translated():
                async with transaction(store._writer, write=True) as connection:
                    return await connection.run_sync(schema.migrate)
        finally:
            await store.close()

    async def close(self) -> None:
        """Close every connection; the last one to close checkpoints the write-ahead log."""
        await self._reader.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One read transaction. Keep it short: while it is open the write-ahead log cannot shrink."""
        with translated():
            async with transaction(self._reader, write=False) as connection:
                yield connection

    @asynccontextmanager
    async def write(self, actor: str, now: float) -> AsyncIterator[Write]:
        """One audited write under the write lock; see :class:`~filterd.store.write.Write`."""
        with translated():
            async with transaction(self._writer, write=True) as connection:
                write = await Write.begin(connection, actor, now)
                yield write
                await write.finish()

    async def empty_log(self) -> bool:
        """Leave nothing of what was deleted in the write-ahead log; see :func:`engine.empty_log`."""
        with translated():
            return await empty_log(self._writer)

    @asynccontextmanager
    async def report(self) -> AsyncIterator[AsyncConnection]:
        """A write outside change log and audit, for facts that are nobody's decision."""
        with translated():
            async with transaction(self._writer, write=True) as connection:
                yield connection
