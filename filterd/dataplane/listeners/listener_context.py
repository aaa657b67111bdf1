"""What a TCP connection needs of the listener that accepted it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from filterd.dataplane.listeners.connection_table import ConnectionTable
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.unwrap import Unwrap
from filterd.dataplane.slow.slowpath import Send


class QueryPath(Protocol):
    """Where queries get their answers: the slow path."""

    @property
    def counts(self) -> AnswerCounts:
        """What is counted on the way."""

    def take(
        self, packet: memoryview, client: bytes, tcp: bool, send: Send, proxied: bool
    ) -> asyncio.Task[None] | None:
        """Answer through ``send``, now or later; the task where it is later."""


class ListenerContext(Protocol):
    """What a listener's connections share."""

    @property
    def path(self) -> QueryPath:
        """Where their queries go."""

    @property
    def unwrap(self) -> Unwrap:
        """Who speaks PROXY."""

    @property
    def connections(self) -> ConnectionTable:
        """All that are open."""

    @property
    def buffer(self) -> memoryview:
        """Where the kernel puts what it has read; used up before the next read."""

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds of a clock that does not go back."""
