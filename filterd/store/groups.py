"""Writes of one process that are committed together: a group is one transaction, a write one savepoint in it.

::

    waiting:  a  b  c                       d  e
    group:    begin  [a] [b] [c]  commit    begin  [d] ...
                      each in a savepoint ──┘ and then a, b and c are told

A commit costs several syncs of the disk, however much it holds. A write takes its turn in the order in which
it came, sees what those before it wrote, and returns when the commit of its group is durable. One that fails
takes back its own rows alone. A commit that fails takes back the whole group, and every write of it raises
the reason. Between two groups the lock is free for :data:`~filterd.store.engine.BREATH` seconds: other
processes get theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.driver import StoreConnection
from filterd.store.engine import BREATH
from filterd.store.errors import StoreBusyError, StoreError, StoreGroupError
from filterd.store.ledger import Serial
from filterd.store.write import Row, Write

MOST_WRITES = 64
"""writes of one group"""
MOST_SECONDS = 0.05
"""from the first turn of a group to the last"""
_SAVE, _RELEASE, _UNDO = "SAVEPOINT write", "RELEASE write", "ROLLBACK TO write"


class WriteGroup:
    """The writes of one transaction, under the write lock. Its statements run on the event loop."""

    def __init__(self, connection: AsyncConnection, driver: StoreConnection, first: Write) -> None:
        """``first``: a write that does nothing, at the head of the store."""
        self.connection = connection
        self._driver = driver
        self.first = self.last = first
        self.ends: list[tuple[str, int]] = []
        self.serials: dict[str, Serial] = {}
        self._changes: list[Row] = []
        self._entries: list[Row] = []

    @property
    def changed(self) -> bool:
        """True if the head of the store is another one after it."""
        return self.last.head != self.first.head

    def begin(self, actor: str, now: float) -> Write:
        """Begin the next write."""
        self._driver.at_once(_SAVE)
        return self.last.beside(actor, now, self._driver.total_changes)

    async def keep(self, write: Write, *, audited: bool) -> None:
        """Keep a write that came to its end. Raises RuntimeError where it lacks its audit entry."""
        if audited:
            await write.complete()
            self._changes += write.change_rows
            self._entries += write.entry_rows
            self.ends += write.ends
            self.serials |= write.serials
            self.last = write
        self._driver.at_once(_RELEASE)

    def undo(self) -> None:
        """Take back the write that has its turn. Raises StoreGroupError where SQLite has taken back the
        transaction, as it does when the disk is full."""
        if not self._driver.in_transaction:
            message = "nothing was written: another write of the same transaction could not be taken back"
            raise StoreGroupError(message)
        self._driver.at_once(_UNDO)
        self._driver.at_once(_RELEASE)

    async def append(self) -> None:
        """Write the changes, entries and endings of all. The caller commits."""
        await self.last.append(self._changes, self._entries, self.last.endings(self.ends))


@dataclass(eq=False, slots=True)
class _Place:
    """The place of one write in the queue."""

    actor: str
    now: float
    audited: bool
    turn: asyncio.Future[Write] = field(default_factory=asyncio.Future)
    """done when it is its turn"""
    left: asyncio.Future[bool] = field(default_factory=asyncio.Future)
    """done when its block has ended: whether to keep it"""
    outcome: asyncio.Future[None] = field(default_factory=asyncio.Future)
    """done when its group is durable, or failed"""

    def fail(self, error: BaseException) -> None:
        for future in (self.turn, self.outcome):
            if not future.done():
                future.set_exception(_own(error))
                future.exception()  # nobody may wait for it any more

    def settle(self) -> None:
        if not self.outcome.done():
            self.outcome.set_result(None)


class WriteGroups:
    """Gathers the writes of one process. Owned by one event loop."""

    def __init__(
        self,
        begin: Callable[[], AbstractAsyncContextManager[WriteGroup]],
        rest: Callable[[WriteGroup], Awaitable[None]],
        wait: float,
    ) -> None:
        """``begin``: a transaction that is committed at the end of its block. ``rest`` is awaited for the
        last group where no other one follows at once. ``wait``: seconds until a write without a turn gives
        up."""
        self.wait = wait
        self._begin = begin
        self._rest = rest
        self._waiting: deque[_Place] = deque()
        self._working: asyncio.Task[None] | None = None
        self.groups = 0
        """transactions that were committed"""
        self.writes = 0
        """writes that they held"""
        self.undone = 0
        """writes that failed, and were taken back alone"""
        self.failed = 0
        """transactions that were taken back whole"""

    @asynccontextmanager
    async def write(self, actor: str, now: float, *, audited: bool = True) -> AsyncIterator[Write]:
        """Wait for a turn, and at the end of the block for the commit. Raises StoreBusyError where no turn
        comes in time, and StoreError where the group fails."""
        place = _Place(actor, now, audited)
        self._waiting.append(place)
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work())
        try:
            yield await _in_time(place.turn, self.wait)
        except Exception:
            _leave(place, keep=False)
            await place.outcome  # the reason may lie in a write before it, which fails yet
            raise
        except BaseException:
            _leave(place, keep=False)
            raise
        _leave(place, keep=True)
        await place.outcome

    async def close(self) -> None:
        """Wait until nothing is at work."""
        if self._working is not None:
            await asyncio.wait([self._working])

    async def _work(self) -> None:
        try:
            while self._waiting:
                group = await self._one_group()
                if self._waiting:
                    await asyncio.sleep(BREATH)
                if group is not None and not self._waiting:
                    await self._rest(group)
        finally:
            self._working = None
            for place in self._waiting:
                place.fail(StoreBusyError("nothing was written: the store is being closed"))

    async def _one_group(self) -> WriteGroup | None:
        """Commit one group; None where it failed."""
        taken: list[_Place] = []
        try:
            async with self._begin() as group:
                await self._turns(group, taken)
        except BaseException as error:
            self.failed += 1
            for place in taken or self._take(MOST_WRITES):
                place.fail(error)
            if not isinstance(error, Exception):
                raise
            return None
        self.groups += 1
        for place in taken:
            place.settle()
        return group

    async def _turns(self, group: WriteGroup, taken: list[_Place]) -> None:
        ended = time.monotonic() + MOST_SECONDS
        while self._waiting and len(taken) < MOST_WRITES and time.monotonic() < ended:
            for place in self._take(1):
                if place.turn.done():  # its caller has gone
                    continue
                taken.append(place)
                await self._turn(group, place)

    async def _turn(self, group: WriteGroup, place: _Place) -> None:
        write = group.begin(place.actor, place.now)
        place.turn.set_result(write)
        kept = await place.left
        if kept:
            try:
                await group.keep(write, audited=place.audited)
                self.writes += 1
                return
            except Exception as error:  # its own: no audit entry, or a value that JSON does not know
                place.outcome.set_exception(error)
        self.undone += 1
        group.undo()

    def _take(self, count: int) -> list[_Place]:
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]


async def _in_time(turn: asyncio.Future[Write], wait: float) -> Write:
    try:
        async with asyncio.timeout(wait):
            return await turn
    except TimeoutError:
        message = "the store is busy: this process has too many writes under way"
        raise StoreBusyError(message) from None


def _leave(place: _Place, *, keep: bool) -> None:
    """End the turn of a place; one that never had any is given up."""
    place.turn.cancel()
    with suppress(asyncio.InvalidStateError):
        place.left.set_result(keep)
    if place.turn.cancelled():
        place.settle()


def _own(error: BaseException) -> BaseException:
    """The error for one of several that wait: they must not share one."""
    if isinstance(error, StoreError):
        return type(error)(str(error), error.remedy)
    found = StoreGroupError("nothing was written: the transaction failed")
    found.__cause__ = error
    return found
