"""The interface of the store: read transactions, audited writes, and reports that are neither.

::

    async with store.read() as connection:            # one state, however many statements
    async with store.write(actor, now) as write:      # data + changes + audit entry, or nothing
    async with store.report() as connection:          # node acknowledgements, feed checks

The statements for each kind of object are functions over a connection, in modules beside this one
(``store.subscribers``, ``store.orders`` ...). Use cases call them inside one of the three blocks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Self, cast

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from filterd.store import change_log, endings, recording, schema, sealing
from filterd.store.copying import SIDE_FILES
from filterd.store.driver import StoreConnection, statements_here
from filterd.store.engine import (
    PATIENT,
    Waits,
    clean,
    close,
    connect,
    database_path,
    empty_log,
    transaction,
    want_cleaning,
)
from filterd.store.errors import (
    StoreError,
    StoreMissingError,
    StoreReplacedError,
    StoreRestoringError,
    StoreRolledBackError,
    StoreUnwritableError,
    translated,
)
from filterd.store.groups import WriteGroup, WriteGroups
from filterd.store.ledger import Ledger, NotedHead, StoreHead
from filterd.store.lookups import Lookups
from filterd.store.write import Write

__all__ = ["Store", "Write"]


class Store:
    """An open store, to be closed after use. Owned by one event loop."""

    def __init__(self, url: str, ledger: Path, *, make: bool = False, waits: Waits = PATIENT) -> None:
        """Use :meth:`open` or :meth:`migrate`, which check the file first. ``make``: it may be empty."""
        self.waits = waits
        self.ledger = Ledger(ledger)
        self._path = database_path(url)
        self._file = _identity(self._path)
        self._lookups = Lookups(self._path)
        self._reader: AsyncEngine = connect(url, writer=False, waits=waits)
        self._writer: AsyncEngine = connect(url, writer=True, make=make, waits=waits)
        self._kept_out = False
        """the last note was not made, for want of the lock"""
        self.groups: WriteGroups | None = None
        """counts what :meth:`gather_writes` gathers"""

    @classmethod
    async def open(cls, url: str, ledger: Path, *, waits: Waits = PATIENT) -> Self:
        """Open a store that has our schema; raises the matching StoreError for any other.

        ``ledger`` is the directory of the :class:`~filterd.store.ledger.Ledger`. ``waits``: the longest ones
        for a lock that another process holds.
        """
        path = database_path(url)
        if not path.exists():
            message = f"there is no store at {path}"
            raise StoreMissingError(message)
        store = cls(url, ledger, waits=waits)
        try:
            async with store.read() as connection:
                await connection.run_sync(schema.require_current)
        except BaseException:
            await store.close()
            raise
        return store

    @classmethod
    async def migrate(
        cls,
        url: str,
        ledger: Path,
        now: float = 0.0,
        *,
        make: bool = True,
        sealer: sealing.Sealer | None = None,
    ) -> tuple[str | None, str]:
        """Migrate the store to our schema; return the versions of the schema before and after.

        Where none stands at its place, one is made, which only its owner may read and write. Raises
        StoreRolledBackError where one was written before and is gone: a new, empty one would drop every
        order and every choice. With ``make`` false StoreMissingError is raised instead, and nothing is made.
        ``now`` is the time that the audit trail gives for what the migration records, ``sealer`` seals the
        entries of confidential orders that an earlier version stored in clear. Endings that an earlier
        version noted in the ledger alone are taken from there.
        """
        path = database_path(url)
        try:
            schema.require_made(path)
        except StoreMissingError:
            if not make:
                raise
            _refuse_anew(path, Ledger(ledger))
            _make_file(path)
        store = cls(url, ledger, make=True)
        try:
            with translated(path):
                async with transaction(store._writer, write=True, waits=store.waits) as connection:
                    versions = await connection.run_sync(schema.migrate)
                    await endings.fill(connection, store.ledger)
                    write = await Write.begin(connection, sealing.ACTOR, now, os.urandom)
                    await sealing.seal_orders(write, os.urandom)
                    if await sealing.seal_entries(write, sealer):
                        await want_cleaning(connection)
                    await write.finish()
                    origin = await change_log.origin(connection)
                await asyncio.to_thread(
                    recording.begin_record, store.ledger, write.before, write.head, origin
                )
                await clean(store._writer)
                return versions
        finally:
            await store.close()

    def gather_writes(self) -> None:
        """From now on commit writes of this process together that come at the same time, where they are
        ``shared`` (:mod:`filterd.store.groups`)."""
        self.groups = WriteGroups(self._group, self._rest, self.waits.write)

    async def close(self) -> None:
        """Close every connection; the last one to close checkpoints the write-ahead log."""
        if self.groups is not None:
            await self.groups.close()
        self._lookups.close()
        await close(self._reader)
        await close(self._writer)

    @property
    def replaced(self) -> bool:
        """True if the file that is open no longer stands at its path: somebody moved another one there, or
        removed it. What is read here then is nobody's truth."""
        return _identity(self._path) != self._file

    def lost_side_file(self) -> bool:
        """True if this process has a side file open that was removed from beside the store: what it reads or
        writes there, no other process sees."""
        gone = {f"{self._path}{side} (deleted)" for side in SIDE_FILES[1:]}
        return any(link in gone for link in _open_files())

    def _require_present(self) -> None:
        if self.replaced:
            message = f"another file has taken the place of the store {self._path}, or it was removed"
            raise StoreReplacedError(message)

    @asynccontextmanager
    async def read(self, *, here: bool = False) -> AsyncIterator[AsyncConnection]:
        """One read transaction. Keep it short: while it is open the write-ahead log cannot shrink.

        ``here``: its statements run on the event loop, for a few rows that keys find. The way to a thread
        and back takes many times what such a statement does.
        """
        with translated(self._path):
            self._require_present()
            async with transaction(self._reader, write=False, here=here, waits=self.waits) as connection:
                yield connection

    @contextmanager
    def lookups(self) -> Iterator[Lookups]:
        """Lookups of single rows, which wait for nothing; see :mod:`filterd.store.lookups`."""
        with translated(self._path):
            self._require_present()
            yield self._lookups

    @asynccontextmanager
    async def write(self, actor: str, now: float, *, shared: bool = False) -> AsyncIterator[Write]:
        """One audited write under the write lock; see :class:`~filterd.store.write.Write`.

        ``shared``: it may be committed with others, where they are gathered. It then reads through its own
        connection alone, and neither the change log nor the audit trail. Raises StoreRolledBackError, before
        anything is written, for a store that is behind the ledger.
        """
        with translated(self._path):
            if shared and self.groups is not None:
                async with self.groups.write(actor, now) as write:
                    yield write
                return
            self._require_present()
            async with transaction(self._writer, write=True, waits=self.waits) as connection:
                write = await Write.begin(connection, actor, now, os.urandom)
                await self._require_newest(write)
                yield write
                await write.finish()
                if write.head != write.before:
                    await asyncio.to_thread(
                        recording.intend, self.ledger, write.before, write.head, write.ended, write.serials
                    )
                    origin = await change_log.origin(connection)
            if write.head != write.before:
                await asyncio.to_thread(recording.settle, self.ledger, write.head, origin)

    @asynccontextmanager
    async def _group(self) -> AsyncIterator[WriteGroup]:
        """The transaction of a group of writes. The record of the ledger is settled by the next group, or by
        :meth:`_rest`."""
        with translated(self._path):
            self._require_present()
            async with transaction(self._writer, write=True, waits=self.waits) as connection:
                raw = (await connection.get_raw_connection()).driver_connection
                driver = cast(StoreConnection, raw)
                with statements_here(driver):
                    first = await Write.begin(connection, "", 0.0, os.urandom)
                await self._require_newest(first, settled=False)
                group = WriteGroup(connection, driver, first)
                with statements_here(driver):
                    yield group
                    await group.append()
                if group.changed:
                    ended = group.last.endings(group.ends)
                    await asyncio.to_thread(
                        recording.intend, self.ledger, first.head, group.last.head, ended, group.serials
                    )

    async def _rest(self, group: WriteGroup) -> None:
        """Settle the record of the last group. The origin is there: a write alone made the first token."""
        if group.changed:
            await asyncio.to_thread(recording.settle, self.ledger, group.last.head)

    async def head(self) -> StoreHead:
        """The newest revision with its hash, and the next numbers."""
        async with self.read() as connection:
            return (await Write.begin(connection, "", 0.0, os.urandom)).head

    async def require_newest(self) -> None:
        """Raise StoreRolledBackError for a store that is behind the ledger; nothing is written.

        The ledger is read before the store, since another process may write meanwhile: the store may then
        lead on from the record, and is not behind it. Where the record changed all the same, both are read
        once more.
        """
        noted = await asyncio.to_thread(recording.noted, self.ledger)
        while True:
            try:
                await self._compare_now(noted)
            except StoreRolledBackError:
                again = await asyncio.to_thread(recording.noted, self.ledger)
                if again == noted:
                    raise
                noted = again
            else:
                return

    async def _compare_now(self, noted: NotedHead | None) -> None:
        with translated(self._path):
            self._require_present()
            async with transaction(self._reader, write=False, waits=self.waits) as connection:
                await self._compare(await Write.begin(connection, "", 0.0, os.urandom), noted)

    async def empty_log(self) -> bool:
        """Leave nothing of what was deleted in the write-ahead log; see :func:`engine.empty_log`."""
        with translated(self._path):
            return await empty_log(self._writer)

    async def rewrite(self) -> None:
        """Write the file anew, so that nothing of what was deleted stands between its rows: ``secure_delete``
        blanks what is deleted, and not what the splitting of a page left behind. Writers wait meanwhile."""
        with translated(self._path):
            async with transaction(self._writer, write=True, waits=self.waits) as connection:
                await want_cleaning(connection)
            await clean(self._writer)

    async def _require_newest(self, write: Write, *, settled: bool = True) -> None:
        """Raise StoreRolledBackError unless the store has the head on record, or leads on from it. Without
        ``settled`` a record of the store's head that is intended stays so: the next one settles it."""
        if self.ledger.restoring:
            message = "nothing was written: the store is being restored"
            raise StoreRestoringError(message)
        noted = await asyncio.to_thread(recording.noted, self.ledger)
        await self._compare(write, noted)
        if noted is None or noted.intended is None:
            return
        if settled or noted.intended != write.before:
            await asyncio.to_thread(recording.resolve, self.ledger, noted, write.before)

    async def _compare(self, write: Write, noted: NotedHead | None) -> None:
        """Raise StoreRolledBackError unless the store has the head on record, or leads on from it."""
        head = write.before
        if noted is None or head in (noted.committed if noted.intended else noted.newest, noted.newest):
            return
        if head.revision > noted.newest.revision:
            found = await change_log.hash_at(write.connection, noted.newest.revision)
            if found == noted.newest.hash:
                return
            if found is None and await change_log.floor(write.connection) > noted.newest.revision:
                return
        raise _rolled_back(head, noted.newest)

    @asynccontextmanager
    async def report(self, *, shared: bool = False) -> AsyncIterator[AsyncConnection]:
        """A write outside change log and audit, for facts that are nobody's decision. ``shared``: as for
        :meth:`write`."""
        with translated(self._path):
            if shared and self.groups is not None:
                async with self.groups.write("", 0.0, audited=False) as write:
                    yield write.connection
                return
            self._require_present()
            async with transaction(self._writer, write=True, waits=self.waits) as connection:
                yield connection

    async def note_use(self, step: Callable[[AsyncConnection], Awaitable[None]]) -> bool:
        """Make a report that a reader can do without: that a token or a session is used. False where it was
        not made: the next use makes it.

        A reader waits for it :attr:`~filterd.store.engine.Waits.note` seconds at most, and while another
        process holds the lock for long not at all: behind a note that failed the next ones try once.
        """
        try:
            if not self._kept_out:
                async with asyncio.timeout(self.waits.note), self.report(shared=True) as connection:
                    await step(connection)
                return True
            pool = cast(QueuePool, self._writer.sync_engine.pool)
            if pool.checkedout():
                return False
            with translated(self._path):
                self._require_present()
                at_once = replace(self.waits, write=0.0)
                async with transaction(self._writer, write=True, waits=at_once) as connection:
                    await step(connection)
        except (TimeoutError, StoreError):  # another writer, or a store that takes nothing just now
            self._kept_out = True
            return False
        self._kept_out = False
        return True


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _open_files() -> Iterator[str]:
    """The paths of the files that this process has open (proc_pid_fd(5))."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            yield str(entry.readlink())


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        message = f"cannot make the store at {path}: {error.strerror}"
        raise StoreUnwritableError(message) from error


def _rolled_back(have: StoreHead, newest: StoreHead) -> StoreRolledBackError:
    if have.revision < newest.revision:
        message = f"the store ends at revision {have.revision}, and {newest.revision} was acknowledged"
    else:
        message = f"the store has another history than the one acknowledged up to revision {newest.revision}"
    return StoreRolledBackError(message)


def _refuse_anew(path: Path, ledger: Ledger) -> None:
    noted = recording.noted(ledger)
    if noted is not None and noted.newest.revision > 0:
        message = f"the store {path} is gone, and revision {noted.newest.revision} of it was acknowledged"
        raise StoreRolledBackError(message)
