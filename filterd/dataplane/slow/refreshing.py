"""Questions that are asked again while an answer to them is still at hand: a stale one, or one nearly over.

What comes is cached whether or not anybody waits for it any more (RFC 8767 section 5). Each question is asked
once at a time, however many clients it is for, and only so many at one time are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from filterd.dataplane.packet.plane import Pending, Plane

MAX_REFRESHES = 1000
"""questions at one time; beyond, a stale answer's client waits by itself and a prefetch does not happen"""
MAX_PREFETCHES = 250
"""refreshes that are under way when no more are begun for nobody"""

Key = tuple[bytes, int, int, bool, bool]


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

    async def forward(self, pending: Pending, waited: float = 0.0) -> Forwarded:
        """Ask for the name that is pending; ``waited``: seconds that its client has waited already."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """One question on its way; ``began``: seconds of the caller's clock. ``coming`` caches what it brings."""

    coming: asyncio.Task[Forwarded]
    began: float


class Refreshing:
    """The refreshes under way. Owned by the event loop; ``ticks`` goes forward, in seconds."""

    def __init__(self, plane: Plane, upstreams: Upstreams, ticks: Callable[[], float]) -> None:
        self._plane = plane
        self.upstreams = upstreams
        self._ticks = ticks
        self._under_way: dict[Key, Refresh] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def refresh(self, pending: Pending) -> Refresh | None:
        """The question's refresh, begun now unless it is under way; None where there are too many."""
        key = _key_of(pending)
        refresh = self._under_way.get(key)
        if refresh is None and len(self._under_way) < MAX_REFRESHES:
            task = asyncio.get_running_loop().create_task(self._ask(pending))
            refresh = self._under_way[key] = Refresh(task, self._ticks())
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return refresh

    def prefetch(self, pending: Pending) -> None:
        """Refresh for nobody, unless there is enough to do for those who wait."""
        if len(self._under_way) < MAX_PREFETCHES:
            self.refresh(pending)

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [each.coming for each in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, pending: Pending) -> Forwarded:
        came = await self.upstreams.forward(pending)
        self._plane.keep(pending, came.message, came.ad, came.edes, int(self._ticks()))
        return came


def _key_of(pending: Pending) -> Key:
    return (pending.name, pending.qtype, pending.qclass, pending.dnssec_ok, pending.checking_disabled)
