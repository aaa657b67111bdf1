"""Two threads against one, in process: recorded packets into the fast path's batch function, no sockets.

What two processors of this machine do for work that shares nothing stands beside it: a processor that others
use too, a cache or a clock that two share, take their part of both.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

from bench import lists
from bench.inprocess import NOW, TICKS, driver_on, ready, recorded
from bench.recordings import record_mix, two_processors
from filterd.dataplane.packet.plane import Plane

TIMES = 40
"""each thread takes every packet so often: some tenths of a second"""
TURNS = 3
"""of one round: a moment in which others use the machine is soon over"""
PATIENCE = 60.0
"""seconds that one process waits for the other"""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How many times as much is done on two processors as on one, the medians."""

    threads: float
    processes: float
    """that share nothing: what the machine gives"""


def threads(work: Path, names: lists.Names, rounds: int) -> Scaling:
    """In turns. Raises CannotRunError: one processor."""
    cores = two_processors()
    snapshot = work / "threads.snapshot"
    asked = record_mix(names, snapshot)
    packets = ready(snapshot, asked).plane
    found: list[tuple[float, float]] = []
    with _processes(snapshot, asked, cores) as turn:
        for _ in range(rounds * TURNS):
            one = _seconds(packets, asked, cores[:1])
            found.append((2 * one / _seconds(packets, asked, cores), 2 * one / turn()))
    return Scaling(*(sorted(each)[len(found) // 2] for each in zip(*found, strict=True)))


def _seconds(packets: Plane, asked: list[tuple[bytes, int]], cores: Sequence[int]) -> float:
    """How long a thread on each of these processors takes, each for the same work."""
    begin = threading.Barrier(len(cores) + 1)

    def serve(number: int) -> None:
        os.sched_setaffinity(0, {cores[number]})
        driver = driver_on(packets, number)
        work = recorded(asked)
        driver.spin(work, 1, NOW, int(TICKS * 1e6))
        begin.wait()
        driver.spin(work, TIMES, NOW, int(TICKS * 1e6))

    running = [threading.Thread(target=serve, args=(number,)) for number in range(len(cores))]
    for thread in running:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    for thread in running:
        thread.join()
    return time.perf_counter() - began


@contextmanager
def _processes(
    snapshot: Path, asked: list[tuple[bytes, int]], cores: Sequence[int]
) -> Iterator[Callable[[], float]]:
    """Two of them, each with a data plane and a processor of its own: a call has them do the work of a
    thread each and gives the seconds."""
    apart = get_context("spawn")
    together = apart.Barrier(3)
    running = [apart.Process(target=_alone, args=(snapshot, asked, core, together)) for core in cores]
    for process in running:
        process.start()

    def turn() -> float:
        together.wait(PATIENCE)
        together.wait(PATIENCE)
        began = time.perf_counter()
        together.wait(PATIENCE)
        return time.perf_counter() - began

    try:
        yield turn
    finally:
        together.abort()
        for process in running:
            process.join()


def _alone(snapshot: Path, asked: list[tuple[bytes, int]], core: int, together: Barrier) -> None:
    """One of them: warm up, begin and end together with the other, until that is over."""
    os.sched_setaffinity(0, {core})
    driver = driver_on(ready(snapshot, asked).plane, 0)
    work = recorded(asked)
    with suppress(threading.BrokenBarrierError):
        while True:
            together.wait()
            driver.spin(work, 1, NOW, int(TICKS * 1e6))
            together.wait()
            driver.spin(work, TIMES, NOW, int(TICKS * 1e6))
            together.wait()
