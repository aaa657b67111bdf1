"""A resolver that was told to hand over: the order in which it gives up the state directory, its sockets, and
its clients. ``handover.giving`` holds the exchange with the successor."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.inherited import Name, SocketKind
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.serve.handover.draining import Draining
from filterd.serve.handover.giving import Giving, WaitEnding
from filterd.serve.http_service import HttpService
from filterd.serve.listening import Listening
from filterd.serve.pulse import Pulse
from filterd.telemetry import log


@dataclass(frozen=True, slots=True)
class Answering:
    """The parts of a resolver that answer, and the pulse that says so."""

    listening: Listening
    fast: FastPath
    path: SlowPath
    http: HttpService
    pulse: Pulse


class HandingOver:
    """The hand-over of one resolver, as :class:`Leaving` too. Owned by the event loop."""

    def __init__(
        self,
        state_dir: Path,
        parts: Answering,
        let_go: Callable[[], Awaitable[None]],
        facts: Callable[[], Mapping[str, object]],
        ticks: Callable[[], float],
    ) -> None:
        """``let_go`` and ``facts``: see :class:`Leaving`."""
        self._parts = parts
        self._let_go = let_go
        self._facts = facts
        self._draining = Draining(parts.listening, parts.fast, parts.path)
        self._giving = Giving(state_dir, self, ticks)
        self._task: asyncio.Task[None] | None = None

    @property
    def begun(self) -> bool:
        """Return whether the resolver stays for a successor."""
        return self._task is not None

    def remarks(self) -> list[str]:
        """The state of a resolver that waits for its successor, in words; empty for one that does not."""
        left = self._giving.seconds_left if self.begun else None
        if left is None:
            return []
        return [f"told to leave: waits for a successor, and ends in {left:.0f} s without one"]

    def begin(self, ended: Callable[[], None]) -> None:
        """Stay until a successor answers clients, and tell the supervisor so. ``ended`` is called when the
        resolver may end."""
        if self.begun:
            return
        try:
            self._giving.open()
        except OSError as error:
            remedy = "see that state_dir can be written, and that its path is short enough for a socket"
            log.get().error("the resolver cannot hand over", reason=str(error), remedy=remedy)
            self._parts.pulse.answer(stays=False)
            return
        self._task = asyncio.get_running_loop().create_task(self._run(ended))
        self._parts.pulse.answer(stays=True)

    async def _run(self, ended: Callable[[], None]) -> None:
        try:
            ending = await self._giving.run()
            if ending is WaitEnding.NOBODY:
                remedy = "start filterd: systemctl start filterd-resolver, and see its log for why it did not"
                log.get().error("no successor came, and the resolver ends", remedy=remedy)
            else:
                log.get().info("the resolver leaves", reason=ending.value)
            if ending is WaitEnding.TAKEN:
                await self._draining.finish()
        finally:
            ended()

    async def close(self) -> None:
        """Wait for no successor any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def facts(self) -> Mapping[str, object]:
        """See :class:`Leaving`."""
        return self._facts()

    async def let_go(self) -> None:
        """See :class:`Leaving`."""
        await self._let_go()

    def sockets(self) -> Sequence[tuple[SocketKind, socket.socket]]:
        """See :class:`Leaving`."""
        http = self._parts.http.listening_socket
        pages = [] if http is None else [(SocketKind.HTTP, http)]
        return [*self._parts.listening.addresses.sockets(), *pages]

    async def leave(self, taken: Sequence[tuple[SocketKind, Name]]) -> None:
        """See :class:`Leaving`."""
        self._draining.stop(taken)
        await asyncio.to_thread(self._parts.http.stop)
