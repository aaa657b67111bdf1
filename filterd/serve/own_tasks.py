"""Work that waits for others, each in a task of its own: whoever is slow keeps nobody else waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class OwnTasks:
    """The work of one kind, by key: that of a key is never under way twice. Owned by one event loop.

    The work catches what it raises, and tells it: nobody waits for it.
    """

    def __init__(self, at_once: int) -> None:
        """``at_once``: how many are under way beside each other; more wait for their turn."""
        self._room = asyncio.Semaphore(at_once)
        self._running: dict[str, asyncio.Task[None]] = {}

    def is_running(self, key: str) -> bool:
        """True while the work of this key is under way, or waits for its turn."""
        return key in self._running and not self._running[key].done()

    def begin(self, key: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin the work of a key, unless the one before is under way."""
        if not self.is_running(key):
            self._running = {key: task for key, task in self._running.items() if not task.done()}
            self._running[key] = asyncio.get_running_loop().create_task(self._run(work))

    async def settled(self) -> None:
        """Wait until all that has begun is over."""
        await asyncio.gather(*self._running.values())

    async def close(self) -> None:
        """End what is under way."""
        for each in self._running.values():
            each.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with self._room:
            await work()
