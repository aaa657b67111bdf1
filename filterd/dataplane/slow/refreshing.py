"""Refreshes: questions that are asked again while a stale or nearly expired answer is still at hand.

The new answer is cached even if nobody waits for it any more (RFC 8767 section 5). Each question has one
refresh at a time, however many clients ask it, and the number of refreshes is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from filterd.dataplane.packet.plane import Pending, Plane

MAX_REFRESHES = 1000
"""the most at one time; beyond, a client with a stale answer forwards by itself, and nothing is prefetched"""
MAX_PREFETCHES = 250
"""refreshes under way beyond which none is begun without a client that waits"""

Key = tuple[bytes, int, int, bool, bool]


class Forwarded(Protocol):
    """The result of forwarding. ``message`` None: no upstream gave an answer, and ``edes`` tells why."""

    @property
    def message(self) -> bytes | None:
        """The answer without OPT."""

    @property
    def ad(self) -> bool:
        """Return whether a trusted upstream set AD."""

    @property
    def edes(self) -> tuple[tuple[int, bytes], ...]:
        """Code and text of each extended error."""


class Upstreams(Protocol):
    """Forwards queries to the upstreams; its errors are values."""

    async def forward(self, pending: Pending, waited: float = 0.0, doubted: bool = False) -> Forwarded:
        """Forward the pending query; ``waited``: seconds that its client has waited already; ``doubted``: not
        over UDP, since several replies nearly matched."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh under way. ``began``: seconds of the caller's clock. ``coming`` caches its answer."""

    coming: asyncio.Task[Forwarded]
    began: float


class Refreshing:
    """All refreshes under way. Owned by the event loop; ``ticks`` returns seconds and never goes back."""

    def __init__(self, plane: Plane, upstreams: Upstreams, ticks: Callable[[], float]) -> None:
        self._plane = plane
        self.upstreams = upstreams
        self._ticks = ticks
        self._under_way: dict[Key, Refresh] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def refresh(self, pending: Pending, doubted: bool = False) -> Refresh | None:
        """The question's refresh, begun now unless one is under way; None: there are too many."""
        key = _key_of(pending)
        refresh = self._under_way.get(key)
        if refresh is None and len(self._under_way) < MAX_REFRESHES:
            task = asyncio.get_running_loop().create_task(self._ask(pending, doubted))
            refresh = self._under_way[key] = Refresh(task, self._ticks())
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return refresh

    def prefetch(self, pending: Pending) -> None:
        """Refresh though no client waits, unless many refreshes are under way."""
        if len(self._under_way) < MAX_PREFETCHES:
            self.refresh(pending)

    async def close(self) -> None:
        """Cancel all refreshes."""
        tasks = [each.coming for each in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, pending: Pending, doubted: bool) -> Forwarded:
        came = await self.upstreams.forward(pending, doubted=doubted)
        self._plane.keep(pending, came.message, came.ad, came.edes, int(self._ticks()))
        return came


def _key_of(pending: Pending) -> Key:
    return (pending.name, pending.qtype, pending.qclass, pending.dnssec_ok, pending.checking_disabled)
