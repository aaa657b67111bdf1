"""The slow path: asyncio around the native stages. It owns the waiting, never a verdict.

A query that needs no upstream is answered at once, in the call that received it. Any other query waits in its
own task. The number of these is bounded, in total and per client (:mod:`quota`); a query beyond it is
answered with stale data if there is any, else dropped and counted: the client asks again. With a stale answer
at hand, a client waits :data:`STALE_ANSWER_SECONDS` at most (RFC 8767 section 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.thread import Punted
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.slow.quota import WaitingQuota
from filterd.dataplane.slow.refreshing import Forwarded, Refreshing, Upstreams

MAX_WAITING = 10_000
"""the most queries that wait for an upstream at one time"""
STALE_ANSWER_SECONDS = 1.8
"""the client-answer timer of RFC 8767 section 5: stubs give up after two seconds"""

Send = Callable[[bytes], None]


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

    def take(
        self, packet: memoryview, client: bytes, tcp: bool, send: Send, proxied: bool = False
    ) -> asyncio.Task[None] | None:
        """Answer through ``send``, now or later; return the task if it is later. ``client`` has 16 bytes;
        ``proxied``: it comes from a PROXY header."""
        began = self._clock.ticks()
        result = self._plane.receive(packet, client, tcp, self._clock.now(), began, proxied)
        if isinstance(result, Pending):
            return self._wait(result, send, began)
        if result is not None:
            self._answer(result, send, began)
        return None

    def resume(self, punted: Punted, send: Send) -> asyncio.Task[None] | None:
        """Continue a query that a thread of the fast path has begun; otherwise like :meth:`take`."""
        pending = punted.pending
        if punted.reason == PuntReason.REFRESH:
            self._refreshing.prefetch(pending)
            return None
        if punted.reason == PuntReason.BUSY:
            result = self._plane.again(pending, self._clock.now(), int(self._clock.ticks()))
            if not isinstance(result, Pending):
                if result is not None:
                    self._answer(result, send, punted.came)
                return None
        return self._wait(pending, send, punted.came)

    async def close(self) -> None:
        """Cancel all waiting queries."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await self._refreshing.close()

    def _wait(self, pending: Pending, send: Send, began: float) -> asyncio.Task[None] | None:
        client = pending.client
        refusal = self._quota.take(client)
        if refusal is not None:
            if self._answer_stale(pending, send, began):
                self._refreshing.prefetch(pending)
            else:
                self.counts.dropped(refusal)
            return None
        task = asyncio.get_running_loop().create_task(self._forward(pending, send, began))
        self._waiting.add(task)
        task.add_done_callback(lambda done: self._forget(done, client))
        return task

    def _forget(self, task: asyncio.Task[None], client: bytes) -> None:
        self._waiting.discard(task)
        self._quota.give(client)

    async def _forward(self, pending: Pending, send: Send, began: float) -> None:
        """Forward until there is an answer; a rewrite to a safe-search host needs that host's too."""
        result: bytes | Pending | None = pending
        while isinstance(result, Pending):
            came: Forwarded | None
            if result.stale:
                came = await self._refreshed(result, send, began)
            else:
                came = await self.upstreams.forward(result, self._clock.ticks() - began)
            if came is None:
                return
            now, ticks = self._clock.now(), int(self._clock.ticks())
            result = self._plane.finish(result, came.message, came.ad, came.edes, now, ticks)
        if result is not None:
            self._answer(result, send, began)

    async def _refreshed(self, pending: Pending, send: Send, began: float) -> Forwarded | None:
        """The result of forwarding; None: it took too long, and the client was sent the stale answer.

        A client that joins a slow refresh waits no longer than the first client did. The time that a thread
        of the fast path has waited for an upstream counts.
        """
        refresh = self._refreshing.refresh(pending)
        if refresh is None:
            return await self.upstreams.forward(pending, self._clock.ticks() - began)
        left = max(min(refresh.began, began) + self._stale_answer - self._clock.ticks(), 0.0)
        done, _ = await asyncio.wait({refresh.coming}, timeout=left)
        if not done and self._answer_stale(pending, send, began):
            return None
        return await asyncio.shield(refresh.coming)

    def _answer_stale(self, pending: Pending, send: Send, began: float) -> bool:
        """Send the stale answer, if the cache still has it; return whether it had."""
        if not pending.stale:
            return False
        answer = self._plane.answer_stale(pending, self._clock.now(), int(self._clock.ticks()))
        if answer is not None:
            self._answer(answer, send, began)
        return answer is not None

    def _answer(self, answer: bytes, send: Send, began: float) -> None:
        """Send the answer, and refresh its cache entry if that is popular and nearly expired."""
        due = self._plane.due
        send(answer)
        self.counts.answered(self._clock.ticks() - began)
        if due is not None:
            self._refreshing.prefetch(due)
