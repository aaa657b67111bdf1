"""The meanings of profiles, kept for seconds by a process that stays: each change of a line looks at them.

A statement that was made since takes effect weeks later, so that the ones from before hold for every line.
One that is hastened is seen so many seconds late.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from filterd.model.profile_meaning import Meanings
from filterd.store import meanings as rows
from filterd.store.store import Store

SECONDS = 5.0


class KeptMeanings:
    """Owned by one event loop. ``ticks``: seconds of a clock that nobody sets."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._read_at = -math.inf
        self._known: Mapping[str, Meanings] = {}

    async def __call__(self, store: Store) -> Mapping[str, Meanings]:
        """The meanings of every profile."""
        if self._ticks() - self._read_at >= SECONDS:
            self._known = await read_meanings(store)
            self._read_at = self._ticks()
        return self._known


async def read_meanings(store: Store) -> Mapping[str, Meanings]:
    """The meanings of every profile, as the store has them now."""
    async with store.read() as connection:
        return await rows.known(connection)
