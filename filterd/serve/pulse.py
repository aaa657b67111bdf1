"""The pulse of a resolver: fed by its event loop while every thread answers, watched by its supervisor.

Each beat is a byte through a pipe. The event loop that does the work sends it: if the loop is blocked, there
is no pulse either. Before, while the resolver loads, a thread announces that it still works
(:class:`Starting`). ``supervisor`` decides what happens when the pulse stops, or never begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator

from filterd.dataplane.listeners.selfcheck import SelfCheck
from filterd.dataplane.listeners.silence import Silence
from filterd.dataplane.listeners.thread_liveness import PERIOD, STUCK_SECONDS

STOPPED_SECONDS = 10.0
"""without a beat, after which a resolver is ended and started again"""
FIRST_SECONDS = 60.0
"""without any sign, after which a resolver that has not had a beat is ended and started again. A start says
itself that it goes on, so this has to cover the interpreter and its imports alone, which take a second: on a
machine that is sixty times slower or as busy, nobody is ended"""
START_SECONDS = 600.0
"""for which a start may go on: loading takes seconds for millions of names and lines, so one that takes
longer is no long load but a fault"""
CHECK_SECONDS = 1.0
"""between two checks of the supervisor"""
LEAST_WORK = 0.01
"""seconds of processor time between two announcements, by which a start goes on"""
QUICK = 0.05
"""seconds between the first checks, until every thread has answered once"""
QUICK_LOOKS = 40
_LIVES, _STARTS, _STAYS, _CANNOT = b".", b"+", b">", b"!"


class Starting(threading.Thread):
    """Announces, once a second and for ``START_SECONDS`` at most, that a start goes on: that the process used
    the processor or the disk meanwhile. A process that is stopped, or waits for something that never comes,
    announces nothing."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(name="starting", daemon=True)
        self._descriptor = descriptor
        self._done = threading.Event()
        self._work = (0.0, 0)

    def run(self) -> None:
        """Announce until :meth:`finish`."""
        for _ in range(int(START_SECONDS / CHECK_SECONDS)):
            if self.works():
                _send(self._descriptor, _STARTS)
            if self._done.wait(CHECK_SECONDS):
                return

    def works(self) -> bool:
        """Return whether the other threads did anything since the last call."""
        before = self._work
        others = time.process_time() - time.thread_time()
        self._work = (others, resource.getrusage(resource.RUSAGE_SELF).ru_inblock)
        return self._work[0] - before[0] >= LEAST_WORK or self._work[1] != before[1]

    def finish(self) -> None:
        """End the announcements."""
        self._done.set()
        self.join()


@contextlib.contextmanager
def announced(descriptor: int | None) -> Iterator[None]:
    """Announce to the supervisor that what is done inside the block goes on. None: nobody listens."""
    if descriptor is None:
        yield
        return
    os.set_blocking(descriptor, False)
    starting = Starting(descriptor)
    starting.start()
    try:
        yield
    finally:
        starting.finish()


def _send(descriptor: int, sign: bytes) -> None:
    with contextlib.suppress(OSError):  # full: the supervisor is slow; broken: it is gone
        os.write(descriptor, sign)


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
        self._closed = False
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def start(self) -> None:
        """Begin, on the running loop, once clients are served."""
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def close(self) -> None:
        """End the pulse. The pipe closes with the process."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._check.close()

    def answer(self, *, stays: bool) -> None:
        """Tell the supervisor, which asked for a hand-over, whether this resolver stays for its successor."""
        if self._descriptor is not None:
            _send(self._descriptor, _STAYS if stays else _CANNOT)

    def troubles(self) -> list[str]:
        """The reasons why there is no pulse; empty while there is one, just after the start, and after
        :meth:`close`."""
        if self._closed:
            return []
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
            _send(self._descriptor, _LIVES)


class PulseWatch:
    """The supervisor's side, for one resolver after the other. Owned by its event loop. Times are seconds of
    a clock that does not go back."""

    def __init__(self) -> None:
        self._reading = -1
        self._silence: Silence | None = None
        """since the last sign of the resolver; None: there is no resolver"""
        self.begun = False
        """the resolver has had a beat"""
        self.stopped = False
        """the pulse has stopped, or did not begin: the resolver must be ended"""
        self._answer: asyncio.Future[bool] | None = None

    @property
    def beats(self) -> bool:
        """Return whether the resolver has a pulse."""
        return self.begun and not self.stopped

    @property
    def patience(self) -> float:
        """Seconds without a sign after which the resolver is taken as stuck."""
        return STOPPED_SECONDS if self.begun else FIRST_SECONDS

    def begin(self) -> int:
        """Prepare for a starting resolver; return its end of the pipe, which the caller must close."""
        self.end()
        self._reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._reading, self._hear)
        self._silence = Silence(CHECK_SECONDS)
        return writing

    def end(self) -> None:
        """Expect no pulse any more: the resolver has ended."""
        if self._reading >= 0:
            asyncio.get_running_loop().remove_reader(self._reading)
            os.close(self._reading)
        self._reading, self._silence, self.begun, self.stopped = -1, None, False, False

    async def answered(self, seconds: float) -> bool:
        """Wait for the resolver's answer to a hand-over; False: it cannot, or says nothing for so long."""
        self._answer = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(self._answer, seconds)
        except TimeoutError:
            return False

    def _take_answer(self, *, stays: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(stays)

    def check(self, now: float) -> bool:
        """To be called every ``CHECK_SECONDS``; return True once when the pulse has stopped, or when a start
        has given no sign for too long."""
        if self._silence is None or self.stopped:
            return False
        self.stopped = self._silence.advance(now) >= self.patience
        return self.stopped

    def _hear(self) -> None:
        try:
            heard = os.read(self._reading, 4096)
        except BlockingIOError:
            return
        if not heard:
            asyncio.get_running_loop().remove_reader(self._reading)
            self._take_answer(stays=False)
        elif self._silence is not None:
            self._silence.heard()
            self.begun = self.begun or _LIVES in heard
            if _STAYS in heard or _CANNOT in heard:
                self._take_answer(stays=_STAYS in heard)
