"""Two threads against one, in process: recorded packets into the fast path's batch function, no sockets."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from bench import lists
from bench.inprocess import CACHED, NOW, TICKS, driver_on, ready, recorded
from bench.machine import CannotRunError
from bench.ours import compile_apart
from bench.packets import query
from filterd.dataplane.packets import Packets

PACKETS = 20_000
TIMES = 40
"""each thread takes every packet so often: about half a second"""


def threads(work: Path, names: lists.Names, rounds: int) -> float:
    """How many times as much two threads do as one, the median. Raises CannotRunError: one processor."""
    if len(os.sched_getaffinity(0)) < 2:
        message = "there is one processor"
        raise CannotRunError(message)
    snapshot = work / "threads.snapshot"
    compile_apart(names.blocked, 0, snapshot)
    popular = frozenset(names.popular)
    mix = lists.mix(names.popular, names.some_blocked, lists.BLOCKED_SHARE)[:PACKETS]
    asked = [(query(name), CACHED if name in popular else 0) for name in mix]
    packets = ready(snapshot, asked).packets
    found = []
    for _ in range(rounds):
        one = _seconds(packets, asked, 1)
        found.append(2 * one / _seconds(packets, asked, 2))
    return sorted(found)[len(found) // 2]


def _seconds(packets: Packets, asked: list[tuple[bytes, int]], count: int) -> float:
    """How long so many threads take, each for the same work and on a processor of its own."""
    cores = sorted(os.sched_getaffinity(0))
    begin = threading.Barrier(count + 1)

    def serve(number: int) -> None:
        os.sched_setaffinity(0, {cores[number]})
        driver = driver_on(packets, number)
        work = recorded(asked)
        driver.spin(work, 1, NOW, int(TICKS * 1e6))
        begin.wait()
        driver.spin(work, TIMES, NOW, int(TICKS * 1e6))

    running = [threading.Thread(target=serve, args=(number,)) for number in range(count)]
    for thread in running:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    for thread in running:
        thread.join()
    return time.perf_counter() - began
