"""Lines and their addresses that change while one thread is asked all it can take, in process.

Every change is made as the node makes it; the thread looks lines up by address all the while. Where it meets
a table that is being changed it does not wait: it leaves the query to the event loop, and that is counted.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from bench import lists
from bench.inprocess import NOW, TICKS, PlaneWithTables, ready, thread_on
from bench.recordings import record_mix, two_processors
from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.recorded import Driver
from filterd.policy.decide import LineHandle

LINES = 10_000
CHANGES = 10_000
"""of lines a second, and as many of addresses"""
TICK = 0.001
"""seconds between two bursts of changes"""
NETWORK = bytes(10) + b"\xff\xff\x7f\1"
"""of the lines, 127.1.0.0/16 as an IPv6 address that stands for it"""


def measure_live(work: Path, names: lists.Names, seconds: float) -> dict[str, float]:
    """For so many seconds each. Raises CannotRunError: one processor."""
    cores = two_processors()
    snapshot = work / "live.snapshot"
    asked = record_mix(names, snapshot)
    plane = ready(snapshot, asked)
    for number in range(LINES):
        _change_line(plane, number, 0)
        _change_address(plane, number, 0)
    recorded = [(packet, NETWORK + (at % LINES).to_bytes(2)) for at, (packet, _) in enumerate(asked)]
    return _measure(plane, recorded, cores, seconds)


def _measure(
    plane: PlaneWithTables, recorded: list[tuple[bytes, bytes]], cores: tuple[int, int], seconds: float
) -> dict[str, float]:
    thread = thread_on(plane.plane, 0)
    driver = Driver(thread)
    begin, done, made = threading.Event(), threading.Event(), [0]

    def write() -> None:
        os.sched_setaffinity(0, {cores[1]})
        begin.wait()
        made[0] = _write(plane, done)

    writer = threading.Thread(target=write)
    writer.start()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores[0]})
    try:
        _spin(driver, recorded, 0.2)
        alone, took = _spin(driver, recorded, seconds)
        begin.set()
        beside, beside_took = _spin(driver, recorded, seconds)
    finally:
        begin.set()
        done.set()
        writer.join()
        os.sched_setaffinity(0, before)
    return {
        "queries/s alone": alone / took,
        "queries/s beside changes": beside / beside_took,
        "changes/s of lines and of addresses": made[0] / beside_took,
        "queries beside changes": beside,
        "met a table under change": thread.counts().punts[PuntReason.BUSY],
    }


def _spin(driver: Driver, recorded: list[tuple[bytes, bytes]], seconds: float) -> tuple[int, float]:
    """Ask for so long: how many queries, in how many seconds."""
    began, asked = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < seconds:
        driver.spin(recorded, 10, NOW, int(TICKS * 1e6))
        asked += 10 * len(recorded)
    return asked, took


def _write(plane: PlaneWithTables, done: threading.Event) -> int:
    """Change lines and addresses, evenly, until told to end: how many of each."""
    began, made = time.monotonic(), 0
    while not done.is_set():
        due = int((time.monotonic() - began) * CHANGES)
        for number in range(made, due):
            _change_line(plane, number % LINES, 1 + number // LINES)
            _change_address(plane, number % LINES, 1 + number // LINES)
        made = max(made, due)
        time.sleep(TICK)
    return made


def _change_line(plane: PlaneWithTables, place: int, turn: int) -> None:
    """A line has a pause that was over long ago, another one each time."""
    plane.lines.upsert(LineHandle(place + 2, policy=plane.policy, opted_in=True, paused_until=1 + turn))


def _change_address(plane: PlaneWithTables, place: int, turn: int) -> None:
    """An address goes over to the next line."""
    plane.addresses.set((NETWORK + place.to_bytes(2))[12:], 32, (place + turn) % LINES + 2)
