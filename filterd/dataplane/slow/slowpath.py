"""The slow path: asyncio around the native stages. It owns the waiting, never a verdict.

A query that needs no upstream is answered at once, in the call that received it. Any other query waits in its
own task. The number of these is bounded, in total and per client (:mod:`quota`); a query beyond it is
answered with stale data if there is any, else dropped and counted: the client asks again. With a stale answer
at hand, a client waits :data:`STALE_ANSWER_SECONDS` at most (RFC 8767 section 5).

A client that has not read its earlier answers is waited for: what came for it is cached, and its answer is
made when there is *room* for it, so that no answer waits in memory behind another one. Answers are made in
:mod:`turns`, which share the loop's time among clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.thread import Punted
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.slow.quota import WaitingQuota, client_key
from filterd.dataplane.slow.refreshing import Forwarded, Refreshing, Upstreams
from filterd.dataplane.slow.turns import FairTurns

MAX_WAITING = 10_000
"""the most queries that wait for an upstream at one time"""
STALE_ANSWER_SECONDS = 1.8
"""the client-answer timer of RFC 8767 section 5: stubs give up after two seconds"""

Send = Callable[[bytes], None]
Room = Callable[[], asyncio.Future[bool] | None]
"""asks for room for one answer; None: there is room now. Else a future: True when there is, and the answer is
to be sent at once; False when the client is gone"""


def always_room() -> None:
    """The room of clients that never have to be waited for: those over UDP."""


Settled = Pending | None | asyncio.Future[bool]
"""what is left of a query: a question to be forwarded, nothing, or the wait for room"""


@dataclass(frozen=True, slots=True)
class Asker:
    """A client that waits for its answer. ``began``: when its query came, in seconds of ``ticks``."""

    send: Send
    began: float
    room: Room = always_room
    doubted: bool = False
    """several replies to its question nearly matched"""


class QueryClock(Protocol):
    """The two clocks of the query path."""

    def now(self) -> int:
        """Unix seconds."""

    def ticks(self) -> float:
        """Seconds of a clock that does not go back."""


class SlowPath:
    """Takes queries from listeners, and answers or drops each. Owned by the event loop."""

    def __init__(
        self,
        plane: Plane,
        upstreams: Upstreams,
        clock: QueryClock,
        counts: AnswerCounts,
        stale_answer: float = STALE_ANSWER_SECONDS,
    ) -> None:
        """``stale_answer``: seconds that a client waits while a stale answer is at hand."""
        self._plane = plane
        self.upstreams = upstreams
        self._clock = clock
        self.counts = counts
        self._stale_answer = stale_answer
        self._refreshing = Refreshing(plane, upstreams, clock.ticks)
        self._waiting: set[asyncio.Task[None]] = set()
        self._quota = WaitingQuota(MAX_WAITING)
        self.turns = FairTurns(clock.ticks)

    def take(
        self,
        packet: memoryview,
        client: bytes,
        tcp: bool,
        send: Send,
        front: Front | None = None,
        room: Room = always_room,
        port: int = 0,
    ) -> asyncio.Task[None] | None:
        """Answer through ``send``, now or later; return the task if it is later. ``client`` has 16 bytes,
        and ``port`` is its own, 0 where that is not known; ``front`` passed the query on; ``room`` is asked
        for before a later answer."""
        asker = Asker(send, self._clock.ticks(), room)
        result = self._plane.receive(packet, client, tcp, self._clock.now(), asker.began, front, port)
        missing = self._settle(result, asker)
        return None if missing is None else self._wait(missing, asker)

    def resume(self, punted: Punted, send: Send) -> asyncio.Task[None] | None:
        """Continue a query that a thread of the fast path has begun; otherwise like :meth:`take`."""
        pending, asker = punted.pending, Asker(send, punted.came, doubted=punted.reason == PuntReason.DOUBTED)
        if punted.reason == PuntReason.REFRESH:
            self._refreshing.prefetch(pending)
            return None
        if punted.reason == PuntReason.BUSY:
            result = self._plane.again(pending, self._clock.now(), int(self._clock.ticks()))
            if self._settle(result, asker) is None:
                return None
        return self._wait(pending, asker)

    @property
    def waiting(self) -> int:
        """The number of queries that wait."""
        return len(self._waiting)

    async def close(self) -> None:
        """Cancel all waiting queries."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await self._refreshing.close()

    def _wait(self, pending: Pending, asker: Asker) -> asyncio.Task[None] | None:
        client = pending.client
        refusal = self._quota.take(client)
        if refusal is not None:
            if self._answer_stale(pending, asker):
                self._refreshing.prefetch(pending)
            else:
                self.counts.dropped(refusal)
            return None
        task = asyncio.get_running_loop().create_task(self._forward(pending, asker))
        self._waiting.add(task)
        task.add_done_callback(lambda done: self._forget(done, client))
        return task

    def _forget(self, task: asyncio.Task[None], client: bytes) -> None:
        self._waiting.discard(task)
        self._quota.give(client)

    async def _forward(self, pending: Pending, asker: Asker) -> None:
        """Forward until there is an answer; a rewrite to a safe-search host needs that host's too."""
        client = client_key(pending.client)
        asked: Pending | None = pending
        while asked is not None:
            came: Forwarded | None
            if asked.stale:
                came = await self._refreshed(asked, asker)
            else:
                came = await self._fresh(asked, asker)
            if came is None:
                return
            settled = await self.turns.share(client, partial(self._finish, asked, came, asker))
            del came  # it may be large: only the cache holds it while the client reads
            while isinstance(settled, asyncio.Future):
                if not await settled:
                    return
                settled = await self.turns.share(client, partial(self._again, asked, asker))
            asked = settled

    def _finish(self, pending: Pending, came: Forwarded, asker: Asker) -> Settled:
        """Answer with what came, or cache it until there is room."""
        room = asker.room()
        if room is not None:
            self._plane.keep(pending, came.message, came.ad, came.edes, int(self._clock.ticks()))
            return room
        now, ticks = self._clock.now(), int(self._clock.ticks())
        return self._settle(self._plane.finish(pending, came.message, came.ad, came.edes, now, ticks), asker)

    def _again(self, pending: Pending, asker: Asker) -> Settled:
        """Answer from the cache; what is not there is asked for once more."""
        room = asker.room()
        if room is not None:
            return room
        return self._settle(self._plane.again(pending, self._clock.now(), int(self._clock.ticks())), asker)

    def _settle(self, result: bytes | Pending | None, asker: Asker) -> Pending | None:
        """Send an answer; return the question that is still to be forwarded."""
        if isinstance(result, Pending):
            return result
        if result is not None:
            self._answer(result, asker)
        return None

    async def _fresh(self, pending: Pending, asker: Asker) -> Forwarded:
        return await self.upstreams.forward(pending, self._clock.ticks() - asker.began, asker.doubted)

    async def _refreshed(self, pending: Pending, asker: Asker) -> Forwarded | None:
        """The result of forwarding; None: it took too long, and the client was sent the stale answer.

        A client that joins a slow refresh waits no longer than the first client did. The time that a thread
        of the fast path has waited for an upstream counts.
        """
        refresh = self._refreshing.refresh(pending, asker.doubted)
        if refresh is None:
            return await self._fresh(pending, asker)
        left = max(min(refresh.began, asker.began) + self._stale_answer - self._clock.ticks(), 0.0)
        done, _ = await asyncio.wait({refresh.coming}, timeout=left)
        if not done and await self._has_room(asker) and self._answer_stale(pending, asker):
            return None
        return await asyncio.shield(refresh.coming)

    async def _has_room(self, asker: Asker) -> bool:
        """Wait for room; return whether the client is there yet."""
        while (room := asker.room()) is not None:
            if not await room:
                return False
        return True

    def _answer_stale(self, pending: Pending, asker: Asker) -> bool:
        """Send the stale answer, if the cache still has it; return whether it had."""
        if not pending.stale:
            return False
        answer = self._plane.answer_stale(pending, self._clock.now(), int(self._clock.ticks()))
        if answer is not None:
            self._answer(answer, asker)
        return answer is not None

    def _answer(self, answer: bytes, asker: Asker) -> None:
        """Send the answer, and refresh its cache entry if that is popular and nearly expired."""
        due = self._plane.due
        asker.send(answer)
        self.counts.answered(self._clock.ticks() - asker.began)
        if due is not None:
            self._refreshing.prefetch(due)
