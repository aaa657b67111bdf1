"""The end of a resolver whose successor reads its sockets: it finishes what it has begun, within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.inherited import Name, SocketKind
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.serve.listening import Listening

IDLE_SECONDS = 1.0
"""after which a connection without a query is ended"""
LAST_QUERY_SECONDS = 4.0
"""after which no connection may ask any more; its last answers are sent"""
ALL_SECONDS = 5.0
LOOK_SECONDS = 0.02
QUIET_LOOKS = 2
"""in a row at which nothing was under way: an answer may be between a thread and the event loop at one"""


class Draining:
    """Owned by the event loop."""

    def __init__(self, listening: Listening, fast: FastPath, path: SlowPath) -> None:
        self._listening = listening
        self._fast = fast
        self._path = path
        self._turns: list[int] = []

    def stop(self, taken: Sequence[tuple[SocketKind, Name]]) -> None:
        """Leave these sockets to the successor. The others are read until the end: their addresses are
        configured no longer, but clients have sent to them."""
        self._listening.addresses.stop_checks()
        for kind, name in taken:
            self._listening.addresses.stop_reading(kind, name)
        self._turns = self._fast.turns()

    async def finish(self) -> None:
        """Return when nothing is under way any more, or when the time is over."""
        loop = asyncio.get_running_loop()
        connections = self._listening.connections
        connections.change(replace(connections.limits, idle=min(IDLE_SECONDS, connections.limits.idle)))
        began, quiet, asking = loop.time(), 0, True
        while loop.time() < began + ALL_SECONDS and quiet < QUIET_LOOKS:
            await asyncio.sleep(LOOK_SECONDS)
            quiet = quiet + 1 if self._is_quiet() else 0
            if asking and loop.time() >= began + LAST_QUERY_SECONDS:
                asking = False
                self._end_connections()

    def _is_quiet(self) -> bool:
        """Return whether every thread is done with what it read last, and nobody waits for an answer."""
        turned = all(then != now for then, now in zip(self._turns, self._fast.turns(), strict=True))
        return turned and not (self._fast.waiting or self._path.waiting or len(self._listening.connections))

    def _end_connections(self) -> None:
        """Let each connection end as after its last query: its answers first, then our side of it."""
        connections = self._listening.connections
        connections.change(replace(connections.limits, queries=0))
        for each in connections:
            each.resume()
