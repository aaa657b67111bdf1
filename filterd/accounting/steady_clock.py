"""Unix time that no step of the machine's clock touches, for as long as a process runs."""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyClock:
    """Unix seconds: the machine's time when this was made, and what has passed since (CLOCK_BOOTTIME, which
    goes on in a suspended machine). A clock that is set right, or wrong, changes no order of messages."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        passed: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._passed = passed
        self.anchor = wall() - passed()
        """seconds: Unix time less the time since boot"""

    def __call__(self) -> float:
        """Unix seconds."""
        return self._passed() + self.anchor
