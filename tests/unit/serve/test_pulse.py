"""The pulse between a resolver and its supervisor, and what the service manager is told of it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from filterd.config.load import Configuration
from filterd.dataplane.listeners.selfcheck import SelfCheck
from filterd.dataplane.listeners.thread_liveness import STUCK_SECONDS
from filterd.serve import pulse as pulses
from filterd.serve import supervisor
from filterd.serve.pulse import (
    FIRST_SECONDS,
    LEAST_WORK,
    QUICK_LOOKS,
    STOPPED_SECONDS,
    Pulse,
    PulseWatch,
    Starting,
    announced,
)
from filterd.serve.sd_notify import READY, STOPPING, WATCHDOG, Notifier
from filterd.serve.supervisor import Supervisor
from filterd.telemetry import log

BEATS = int(STOPPED_SECONDS)


class Check:
    """A self-check that says what a test wants."""

    def __init__(self) -> None:
        self.lives = True
        self.settled = True
        self.stuck: list[str] = []
        self.looked: list[float] = []
        self.closed = False

    def turn(self, now: float) -> None:
        self.looked.append(now)

    def troubles(self) -> list[str]:
        return self.stuck

    def close(self) -> None:
        self.closed = True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def watch() -> AsyncIterator[PulseWatch]:
    made = PulseWatch()
    yield made
    made.end()


async def heard() -> None:
    """Let the loop read what was written."""
    for _ in range(3):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def beating(watch: PulseWatch) -> AsyncIterator[int]:
    """A resolver that has begun to beat; the end of its pipe."""
    writing = watch.begin()
    try:
        os.write(writing, b".")
        await heard()
        yield writing
    finally:
        os.close(writing)


def pulse(check: Check, clock: Clock, descriptor: int | None = None) -> Pulse:
    return Pulse(cast("SelfCheck", check), clock, descriptor)


async def test_it_beats_while_all_live_and_not_otherwise(watch: PulseWatch) -> None:
    check, clock = Check(), Clock()
    writing = watch.begin()
    made = pulse(check, clock, writing)
    check.lives = False
    made.start()
    await heard()
    assert check.looked == [100.0]
    assert not watch.beats
    check.lives = True
    made._turn()
    await heard()
    assert watch.beats
    made.close()
    assert check.closed
    os.close(writing)


async def test_troubles_are_what_is_stuck_or_the_event_loop_itself() -> None:
    check, clock = Check(), Clock()
    made = pulse(check, clock)
    clock.now += STUCK_SECONDS - 0.1
    assert made.troubles() == []
    clock.now += 0.1
    assert made.troubles() == ["the event loop is stuck"]
    made._turn()
    assert made.troubles() == []
    check.stuck, check.lives = ["thread fast-0 is stuck"], False
    assert made.troubles() == ["thread fast-0 is stuck"]
    made.close()


async def test_it_looks_more_often_until_all_were_heard_but_not_for_ever() -> None:
    check, clock = Check(), Clock()
    check.settled = False
    made = pulse(check, clock)
    loop, pauses = asyncio.get_running_loop(), []
    for _ in range(QUICK_LOOKS + 1):
        made._turn()
        assert isinstance(made._timer, asyncio.TimerHandle)
        pauses.append(made._timer.when() - loop.time())
        made._timer.cancel()
    assert max(pauses[:-1]) < 0.5 < pauses[-1]
    made.close()


async def test_a_supervisor_that_does_not_read_blocks_nobody() -> None:
    reading, writing = os.pipe()
    made = pulse(Check(), Clock(), writing)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(65536))
    made._turn()
    os.close(reading)
    made._turn()
    made.close()
    os.close(writing)


async def test_a_pulse_that_stops_is_said_once(watch: PulseWatch) -> None:
    async with beating(watch):
        said = [watch.check(float(now)) for now in range(2 * BEATS)]
        assert said == [now == BEATS for now in range(2 * BEATS)]
        assert watch.stopped
        assert not watch.beats
    watch.end()
    assert not watch.stopped


async def test_each_beat_begins_the_count_anew(watch: PulseWatch) -> None:
    async with beating(watch) as writing:
        for now in range(5 * BEATS):
            if now % (BEATS - 1) == 0:
                os.write(writing, b"..")
                await heard()
            assert not watch.check(float(now))


async def test_a_resolver_that_starts_slowly_and_says_so_is_let_alone(watch: PulseWatch) -> None:
    writing = watch.begin()
    for now in range(1000):
        if now % (int(FIRST_SECONDS) - 1) == 0:
            os.write(writing, b"+")
            await heard()
        assert not watch.check(float(now))
    assert not watch.beats, "it does not serve yet"
    os.close(writing)


async def test_a_resolver_that_gives_no_sign_before_its_first_beat_is_taken_as_stuck(
    watch: PulseWatch,
) -> None:
    writing = watch.begin()
    said = [watch.check(float(now)) for now in range(2 * int(FIRST_SECONDS))]
    assert said == [now == FIRST_SECONDS for now in range(2 * int(FIRST_SECONDS))]
    assert watch.stopped
    os.close(writing)


def busy(seconds: float) -> None:
    """Use the processor for so long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_start_announces_itself_while_it_works_and_not_while_it_waits() -> None:
    reading, writing = os.pipe2(os.O_NONBLOCK)
    made = Starting(writing)
    made.works()
    assert not made.works()
    other = threading.Thread(target=busy, args=(2 * LEAST_WORK,))
    other.start()
    other.join()
    assert made.works()
    busy(2 * LEAST_WORK)
    assert not made.works(), "its own work is none"
    os.close(reading)
    os.close(writing)


def test_announcements_end_with_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulses, "CHECK_SECONDS", 0.001)
    reading, writing = os.pipe2(os.O_NONBLOCK)
    with announced(writing):
        busy(2 * LEAST_WORK)
        assert select.select([reading], [], [], 10)[0]
        assert set(os.read(reading, 4096)) == set(b"+")
    with contextlib.suppress(BlockingIOError):
        os.read(reading, 4096)
    busy(2 * LEAST_WORK)
    with pytest.raises(BlockingIOError):
        os.read(reading, 1)
    os.close(reading)
    os.close(writing)


def test_a_start_that_never_ends_is_not_announced_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulses, "CHECK_SECONDS", 0.001)
    monkeypatch.setattr(pulses, "START_SECONDS", 0.005)
    reading, writing = os.pipe2(os.O_NONBLOCK)
    made = Starting(writing)
    made.start()
    made.join(10)
    assert not made.is_alive()
    os.close(reading)
    os.close(writing)


async def test_one_that_dies_is_not_waited_for_on_its_pipe(watch: PulseWatch) -> None:
    async with beating(watch):
        pass
    await heard()
    assert not watch.check(0.0)
    async with beating(watch):
        assert not any(watch.check(float(now)) for now in range(1000, 1000 + BEATS))
        assert watch.check(1000.0 + BEATS)


async def test_time_in_which_the_supervisor_was_away_counts_little(watch: PulseWatch) -> None:
    async with beating(watch):
        assert not watch.check(0.0)
        assert not watch.check(3600.0)
        assert not watch.check(3601.0)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The service manager's socket, in the environment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as bound:
        bound.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield bound


def told(manager: socket.socket) -> list[str]:
    found: list[str] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found += manager.recv(4096).decode().split("\n")
    return found


def test_the_manager_is_told_at_a_path_or_a_name(manager: socket.socket) -> None:
    assert Notifier(os.environ).tell(READY, WATCHDOG)
    assert told(manager) == [READY, WATCHDOG]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as named:
        named.bind("\0filterd-test-" + str(os.getpid()))
        assert Notifier({"NOTIFY_SOCKET": "@filterd-test-" + str(os.getpid())}).tell(STOPPING)
        assert told(named) == [STOPPING]


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1", "/nowhere/at/all"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    assert not Notifier({"NOTIFY_SOCKET": address}).tell(READY)


def test_a_manager_that_does_not_read_blocks_nobody(manager: socket.socket) -> None:
    notifier = Notifier(os.environ)
    assert not all(notifier.tell(WATCHDOG) for _ in range(10_000))
    assert told(manager)


async def test_the_manager_learns_that_the_resolver_beats_and_when_it_stops(manager: socket.socket) -> None:
    made = Supervisor(None, cast("Configuration", None), ["resolver"])
    assert made._pulse_watch is not None
    made._check(0.0)
    assert told(manager) == [WATCHDOG], "it starts"
    async with beating(made._pulse_watch):
        made._check(1.0)
        made._check(2.0)
        assert told(manager) == [READY, WATCHDOG, WATCHDOG], "it beats"
        for now in range(3, 3 + BEATS):
            made._check(float(now))
        assert told(manager) == [WATCHDOG] * (BEATS - 2), "it has stopped"
        made._pulse_watch.end()
        made._check(100.0)
        assert told(manager) == [WATCHDOG], "it is gone, and another one starts"


async def test_the_manager_is_not_told_for_ever_of_a_resolver_that_does_not_begin(
    manager: socket.socket,
) -> None:
    made = Supervisor(None, cast("Configuration", None), ["resolver"])
    assert made._pulse_watch is not None
    os.close(made._pulse_watch.begin())
    count = 0
    for now in range(3 * int(FIRST_SECONDS)):
        made._check(float(now))
        count += told(manager).count(WATCHDOG)
    assert count == FIRST_SECONDS
    made._pulse_watch.end()


async def test_without_a_resolver_the_supervisor_speaks_for_itself(manager: socket.socket) -> None:
    made = Supervisor(None, cast("Configuration", None), ["control"])
    made._check(0.0)
    made._children[0].starts = 1
    made._check(1.0)
    assert told(manager) == [WATCHDOG, READY, WATCHDOG]


async def stop(process: asyncio.subprocess.Process) -> None:
    """Stop it, and wait until it is."""
    process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(10):
        while " T " not in Path(f"/proc/{process.pid}/stat").read_text():
            await asyncio.sleep(0.01)


DEAF = "from signal import *; signal(SIGABRT, SIG_IGN); print(flush=True); input()"


@pytest.mark.parametrize(
    ("script", "first", "by"),
    [
        ("print(flush=True); input()", None, signal.SIGABRT),
        (DEAF, None, signal.SIGKILL),
        ("print(flush=True); input()", signal.SIGSTOP, signal.SIGKILL),
    ],
    ids=["at once", "by force", "stopped"],
)
async def test_a_resolver_without_a_pulse_is_ended(
    monkeypatch: pytest.MonkeyPatch, script: str, first: signal.Signals | None, by: signal.Signals
) -> None:
    monkeypatch.setattr(supervisor, "ABORT_SECONDS", 0.1)
    lines = io.StringIO()
    monkeypatch.setattr(log, "_log", log.Log("supervisor", lines))
    made = Supervisor(None, cast("Configuration", None), ["resolver"])
    assert made._pulse_watch is not None
    assert made._crash_watch is not None
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    await process.stdout.readline()
    made._children[0].process = process
    if first is not None:
        await stop(process)
    async with beating(made._pulse_watch):
        for now in range(2 * BEATS):
            made._check(float(now))
        assert await process.wait() == -by
    assert made._ending is not None
    await made._ending
    assert made._pause_after(made._children[0], -by, 0.0) == 0.0
    assert made._crash_watch.board.crashes == 0, "nobody was at a packet"
    assert lines.getvalue().count("no pulse for 10 seconds") == 1


async def test_a_resolver_that_is_stopped_before_its_first_beat_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "ABORT_SECONDS", 0.1)
    lines = io.StringIO()
    monkeypatch.setattr(log, "_log", log.Log("supervisor", lines))
    made = Supervisor(None, cast("Configuration", None), ["resolver"])
    assert made._pulse_watch is not None
    os.close(made._pulse_watch.begin())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    await stop(process)
    made._children[0].process = process
    for now in range(int(FIRST_SECONDS) + 1):
        made._check(float(now))
    assert await process.wait() == -signal.SIGKILL
    assert "its start gave no sign for 60 seconds" in lines.getvalue()
    made._pulse_watch.end()


@pytest.mark.parametrize("stays", [True, False])
async def test_the_supervisor_hears_whether_the_resolver_stays(stays: bool) -> None:
    watch = PulseWatch()
    descriptor = watch.begin()
    pulse = Pulse(cast("SelfCheck", Check()), time.monotonic, descriptor)
    asyncio.get_running_loop().call_later(0.01, lambda: pulse.answer(stays=stays))
    assert await watch.answered(30.0) is stays
    os.close(descriptor)
    watch.end()


async def test_a_resolver_that_says_nothing_or_is_gone_does_not_stay() -> None:
    watch = PulseWatch()
    descriptor = watch.begin()
    assert not await watch.answered(0.05)
    asyncio.get_running_loop().call_later(0.01, os.close, descriptor)
    assert not await watch.answered(30.0)
    watch.end()


async def test_a_pulse_that_was_ended_on_purpose_is_no_trouble() -> None:
    now = [0.0]
    pulse = Pulse(cast("SelfCheck", Check()), lambda: now[0])
    now[0] = 1000.0
    assert pulse.troubles() == ["the event loop is stuck"]
    pulse.close()
    assert pulse.troubles() == []
