"""The slow path: asyncio around the native stages. It owns the waiting, never a verdict.

A query that needs no upstream is answered at once, in the call that received it. One that does waits in a
task of its own; their number is bounded, and what is beyond is dropped and counted: a client asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from filterd.dataplane.packet import Packets, Pending
from filterd.dataplane.stages.record import Record

MAX_WAITING = 10_000
"""queries waiting for an upstream at one time"""

Send = Callable[[bytes], None]


class Forwarded(Protocol):
    """What came of forwarding. ``message`` None: no upstream gave an answer, and ``edes`` says why."""

    @property
    def message(self) -> bytes | None:
        """The answer without OPT."""

    @property
    def ad(self) -> bool:
        """Whether a trusted upstream set AD."""

    @property
    def edes(self) -> tuple[tuple[int, bytes], ...]:
        """Code and text of each extended error."""


class Upstreams(Protocol):
    """Who forwards; its errors are values."""

    async def forward(self, pending: Pending) -> Forwarded:
        """Ask for the name that is pending."""


class Clock(Protocol):
    """The two clocks of the query path."""

    def now(self) -> int:
        """Unix seconds."""

    def ticks(self) -> float:
        """Seconds of a clock that does not go back."""


class SlowPath:
    """Takes queries from listeners and gives each its answer, or silence. Owned by the event loop."""

    def __init__(self, packets: Packets, upstreams: Upstreams, clock: Clock, record: Record) -> None:
        self._packets = packets
        self.upstreams = upstreams
        self._clock = clock
        self.record = record
        self._waiting: set[asyncio.Task[None]] = set()

    def take(self, packet: memoryview, client: bytes, tcp: bool, send: Send) -> asyncio.Task[None] | None:
        """Answer through ``send``, now or later; the task where it is later. ``client`` has 16 bytes."""
        began = self._clock.ticks()
        result = self._packets.receive(packet, client, tcp, self._clock.now(), int(began))
        if isinstance(result, Pending):
            return self._wait(result, send, began)
        if result is not None:
            send(result)
            self.record.answered(self._clock.ticks() - began)
        return None

    async def close(self) -> None:
        """Give up what still waits."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    def _wait(self, pending: Pending, send: Send, began: float) -> asyncio.Task[None] | None:
        if len(self._waiting) >= MAX_WAITING:
            self.record.dropped("too_many_waiting")
            return None
        task = asyncio.get_running_loop().create_task(self._forward(pending, send, began))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return task

    async def _forward(self, pending: Pending, send: Send, began: float) -> None:
        """Forward until there is an answer: one that leads to a safe host needs that host's answer too."""
        result: bytes | Pending | None = pending
        while isinstance(result, Pending):
            came = await self.upstreams.forward(result)
            now, ticks = self._clock.now(), int(self._clock.ticks())
            result = self._packets.finish(result, came.message, came.ad, came.edes, now, ticks)
        if result is not None:
            send(result)
            self.record.answered(self._clock.ticks() - began)
