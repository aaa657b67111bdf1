"""An event loop whose clock jumps: waits take no time, and everything happens in the order of its timers."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import heapq
import itertools
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


class _Timer(asyncio.TimerHandle):
    """Of those for one moment, the one that was set first is first; a common loop leaves it to chance."""

    number = 0

    def __lt__(self, other: object) -> bool:
        assert isinstance(other, _Timer)
        return (self.when(), self.number) < (other.when(), other.number)


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code that waits by this loop's timers alone: no threads, no sockets of others."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._numbers = itertools.count()

    def time(self) -> float:
        """Seconds of the clock that jumps."""
        return self._jumping.now

    def call_at(  # type: ignore[override]  # typeshed ties the arguments to the callback
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As the common one, with the order of :class:`_Timer`."""
        timer = _Timer(when, callback, args, self, context)
        timer.number = next(self._numbers)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]  # as BaseEventLoop does
        timer._scheduled = True  # type: ignore[attr-defined]  # as BaseEventLoop does
        return timer

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
