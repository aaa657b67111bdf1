"""The pulse of a resolver: fed by its event loop while every thread answers, watched by its supervisor.

Each beat is a byte through a pipe. The event loop that does the work sends it: if the loop is blocked, there
is no pulse either. ``supervisor`` decides what happens when the pulse stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from filterd.dataplane.listeners.selfcheck import SelfCheck
from filterd.dataplane.listeners.silence import Silence
from filterd.dataplane.listeners.thread_liveness import PERIOD, STUCK_SECONDS

STOPPED_SECONDS = 10.0
"""without a beat, after which a resolver is ended and started again"""
CHECK_SECONDS = 1.0
"""between two checks of the supervisor"""
QUICK = 0.05
"""seconds between the first checks, until every thread has answered once"""
QUICK_LOOKS = 40


class Pulse:
    """The resolver's side. Owned by the event loop; any thread may call :meth:`troubles`."""

    def __init__(self, check: SelfCheck, ticks: Callable[[], float], descriptor: int | None = None) -> None:
        """``descriptor``: the write end of the pipe; None: nobody listens. ``ticks`` does not go back."""
        self._check = check
        self._ticks = ticks
        self._descriptor = descriptor
        self._quick = QUICK_LOOKS
        self._fed = ticks()
        self._timer: asyncio.Handle | None = None
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def start(self) -> None:
        """Begin, on the running loop, once clients are served."""
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def close(self) -> None:
        """End the pulse. The pipe closes with the process."""
        if self._timer is not None:
            self._timer.cancel()
        self._check.close()

    def troubles(self) -> list[str]:
        """The reasons why there is no pulse; empty while there is one, and just after the start."""
        found = self._check.troubles()
        silent = self._ticks() - self._fed >= STUCK_SECONDS
        return found or (["the event loop is stuck"] if silent else [])

    def _turn(self) -> None:
        now = self._ticks()
        self._check.turn(now)
        if self._check.lives:
            self._fed = now
            self._beat()
        pause = PERIOD
        if self._quick and not self._check.settled:
            self._quick, pause = self._quick - 1, QUICK
        self._timer = asyncio.get_running_loop().call_later(pause, self._turn)

    def _beat(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # full: the supervisor is slow; broken: it is gone
                os.write(self._descriptor, b".")


class PulseWatch:
    """The supervisor's side, for one resolver after the other. Owned by its event loop. Times are seconds of
    a clock that does not go back."""

    def __init__(self) -> None:
        self._reading = -1
        self._silence: Silence | None = None
        self.stopped = False
        """the pulse has stopped: the resolver must be ended"""

    @property
    def beats(self) -> bool:
        """Return whether the resolver has a pulse."""
        return self._silence is not None and not self.stopped

    def begin(self) -> int:
        """Prepare for a starting resolver; return its end of the pipe, which the caller must close."""
        self.end()
        self._reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._reading, self._hear)
        return writing

    def end(self) -> None:
        """Expect no pulse any more: the resolver has ended."""
        if self._reading >= 0:
            asyncio.get_running_loop().remove_reader(self._reading)
            os.close(self._reading)
        self._reading, self._silence, self.stopped = -1, None, False

    def check(self, now: float) -> bool:
        """To be called every ``CHECK_SECONDS``; return True once when the pulse has stopped. A resolver may
        take as long as it needs until its first beat."""
        if self._silence is None or self.stopped:
            return False
        self.stopped = self._silence.advance(now) >= STOPPED_SECONDS
        return self.stopped

    def _hear(self) -> None:
        try:
            heard = os.read(self._reading, 4096)
        except BlockingIOError:
            return
        if not heard:
            asyncio.get_running_loop().remove_reader(self._reading)
        elif self._silence is None:
            self._silence = Silence(CHECK_SECONDS)
        else:
            self._silence.heard()
