"""An event loop whose clock jumps: waits take no time, and everything happens in the order of its timers."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

Parameters = ParamSpec("Parameters")


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for the next timer, moves the clock there."""

    now = 1000.0
    """seconds"""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready at once."""
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits and no timer runs"
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code that waits by this loop's timers alone: no threads, no sockets of others."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds of the clock that jumps."""
        return self._jumping.now

    def skip(self, seconds: float) -> None:
        """As if this process had not run for so long."""
        self._jumping.now += seconds


def in_virtual_time(
    test: Callable[Parameters, Coroutine[Any, Any, None]],
) -> Callable[Parameters, None]:
    """Run an ``async`` test on such a loop."""

    @functools.wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
