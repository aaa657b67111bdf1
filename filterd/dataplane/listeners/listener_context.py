"""The interface between a TCP connection and the listener that accepted it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from filterd.dataplane.listeners.connection_table import ConnectionTable
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.packet.unwrap import Unwrap
from filterd.dataplane.slow.slowpath import Room, Send
from filterd.dataplane.slow.turns import FairTurns


class QueryPath(Protocol):
    """Answers queries: the slow path, or that of self-queries."""

    @property
    def counts(self) -> AnswerCounts:
        """The counts of answers and drops."""

    @property
    def turns(self) -> FairTurns:
        """The time of the event loop, shared among clients."""

    def take(
        self,
        packet: memoryview,
        client: bytes,
        tcp: bool,
        send: Send,
        front: Front | None,
        room: Room,
        port: int,
    ) -> asyncio.Task[None] | None:
        """Answer through ``send``, now or later; return the task if it is later, when there is ``room``."""


class ListenerContext(Protocol):
    """The parts that all connections of a listener share."""

    @property
    def path(self) -> QueryPath:
        """The path that answers their queries."""

    @property
    def unwrap(self) -> Unwrap:
        """The senders that must use the PROXY protocol."""

    @property
    def connections(self) -> ConnectionTable:
        """The table of open connections."""

    @property
    def buffer(self) -> memoryview:
        """The buffer of all reads; its content is used before the next read."""

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds of a clock that does not go back."""
