"""The event loop's time, shared fairly among clients: a client with much work holds up nobody else.

Work is done at once while this turn of the loop has time left and nobody waits. Otherwise it queues up, each
client in a queue of its own, and the queues are served one after the other, a piece of work at a time. After
:data:`BUDGET` the loop goes on with everything else that is due (sockets, timers, punts) before the next
turn. A piece of work is bounded by whoever does it: a query, or :data:`SLICE` of one connection.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TypeVar

BUDGET = 0.004
"""seconds of clients' work in one turn of the event loop"""
SLICE = 0.001
"""seconds after which a connection gives way to the next client, between two of its queries"""

Work = Callable[[], bool]
"""does a piece of work and returns whether there is more"""
Result = TypeVar("Result")


class FairTurns:
    """Decides which client works when. Owned by the event loop; ``ticks``: seconds that do not go back."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self.ticks = ticks
        self.deferred = 0
        """pieces of work that had to wait for another turn of the loop"""
        self._queues: OrderedDict[bytes, deque[Work]] = OrderedDict()
        self._end = 0.0
        """when this turn's time is over"""
        self._under_way = False
        """the loop has not yet come round since this turn began"""

    def enter(self, client: bytes, work: Work) -> None:
        """Do a client's work now, or when its turn comes. ``client``: the key by which it has its share."""
        if self._queues or not self.has_time() or work():
            self._queue_up(client, work)

    async def share(self, client: bytes, compute: Callable[[], Result]) -> Result:
        """The result of a piece of work, computed now or when the client's turn comes."""
        if not self._queues and self.has_time():
            return compute()
        coming: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def work() -> bool:
            if coming.done():  # whoever wanted it was cancelled
                return False
            try:
                coming.set_result(compute())
            except Exception as error:
                coming.set_exception(error)
            return False

        self._queue_up(client, work)
        return await coming

    def has_time(self) -> bool:
        """Return whether this turn of the loop has time left; the first call in a turn begins its time."""
        if not self._under_way:
            self._under_way = True
            self._end = self.ticks() + BUDGET
            asyncio.get_running_loop().call_soon(self._come_round)
        return self.ticks() < self._end

    def _queue_up(self, client: bytes, work: Work) -> None:
        self.deferred += 1
        self._queues.setdefault(client, deque()).append(work)
        self.has_time()

    def _come_round(self) -> None:
        """The loop has served everything else once: another turn, if anybody waits."""
        self._under_way = False
        while self._queues and self.has_time():
            self._work()

    def _work(self) -> None:
        """One piece of work of the client that has waited longest; then it is the last in line."""
        client, queue = self._queues.popitem(last=False)
        work = queue.popleft()
        more = False
        try:
            more = work()
        finally:
            if more:
                queue.append(work)
            if queue:
                # What the work itself has queued up meanwhile stands behind it.
                queue.extend(self._queues.pop(client, ()))
                self._queues[client] = queue
