"""The pulse of a resolver: fed by its event loop while every thread answers, watched by its supervisor.

A byte through a pipe for each beat. The one who feeds it is the event loop that does the work: if that is
blocked there is no pulse either. What the supervisor does when it stops stands in ``supervisor``.
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
"""between two looks of the supervisor"""
QUICK = 0.05
"""seconds between the first looks, until every thread has answered once"""
QUICK_LOOKS = 40


class Pulse:
    """The resolver's end. Owned by the event loop; :meth:`troubles` any thread may ask."""

    def __init__(self, check: SelfCheck, ticks: Callable[[], float], descriptor: int | None = None) -> None:
        """``descriptor``: the end of a pipe to beat on, None: nobody listens. ``ticks`` does not go back."""
        self._check = check
        self._ticks = ticks
        self._descriptor = descriptor
        self._quick = QUICK_LOOKS
        self._fed = ticks()
        self._timer: asyncio.Handle | None = None
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def start(self) -> None:
        """Begin, on the running loop; clients are served by now."""
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def close(self) -> None:
        """End it. The supervisor sees the end of the pipe with the process's."""
        if self._timer is not None:
            self._timer.cancel()
        self._check.close()

    def troubles(self) -> list[str]:
        """Why there is no pulse; nothing where there is one, or may be one soon after the start."""
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
            with contextlib.suppress(OSError):  # full: the supervisor is late; broken: it is gone
                os.write(self._descriptor, b".")


class PulseWatch:
    """The supervisor's end, for one resolver after the other. Owned by its event loop. Times are seconds of a
    clock that does not go back."""

    def __init__(self) -> None:
        self._reading = -1
        self._silence: Silence | None = None
        self.stopped = False
        """the resolver's pulse has stopped: it is to be ended"""

    @property
    def beats(self) -> bool:
        """Whether the resolver has shown a pulse, and has one."""
        return self._silence is not None and not self.stopped

    def begin(self) -> int:
        """A resolver is about to start: the end of the pipe that it is to have, and the caller to close."""
        self.end()
        self._reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._reading, self._hear)
        return writing

    def end(self) -> None:
        """The resolver is gone: nothing is expected."""
        if self._reading >= 0:
            asyncio.get_running_loop().remove_reader(self._reading)
            os.close(self._reading)
        self._reading, self._silence, self.stopped = -1, None, False

    def check(self, now: float) -> bool:
        """Once every ``CHECK_SECONDS``. True, once, where the pulse has stopped. Before its first beat a
        resolver may take as long as it needs."""
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
