"""From exec to the first answer of a node with millions of names and lines on its disk."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import resolver

from bench import ours
from bench.machine import READY_SECONDS, CannotRunError, ask, resident, stop
from bench.packets import query
from bench.rounds import Bench
from bench.systems import Task
from filterd.config.settings import Settings

NXDOMAIN = 3
STEP_SECONDS = 0.001


def measure_first(bench: Bench, task: Task, lines: int) -> dict[str, float]:
    """Seconds until any answer and until the right one (a name that the client's own line blocks), medians;
    and what the node then holds in memory. The machine's page cache is warm, both processors are free."""
    if task.names is None or not task.names.some_blocked:
        message = "no names"
        raise CannotRunError(message)
    began = time.monotonic()
    settings = ours.prepared(task)
    ours.add_lines(settings.state_dir / "filterd.db", _more(lines))
    with resolver.running(settings) as (_, seconds):
        bench.tell(f"  {lines:,} lines written and taken over by the node: {time.monotonic() - began:.1f} s")
    any_answer, right, memory = [], [], 0
    for number in range(bench.rounds):
        first, blocked, memory = _start(settings, task.names.some_blocked[0])
        any_answer.append(first)
        right.append(blocked)
        bench.tell(
            f"  start {number + 1}: first answer after {first:.3f} s, the right one after {blocked:.3f} s"
        )
    return {
        "first answer": statistics.median(any_answer),
        "first right answer": statistics.median(right),
        "bytes": float(memory),
        "lines": float(lines),
        "names": float(task.names.count),
        "resync": seconds,
    }


def _more(lines: int) -> Iterator[ours.Line]:
    """Lines 2 and on: the first, at 127.0.0.1, is there."""
    profile = ours.all_categories()
    for number in range(2, lines + 1):
        yield number, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/32", profile


def _start(settings: Settings, blocked: str) -> tuple[float, float, int]:
    """Seconds until the first answer and until the right one, and the memory then."""
    packet, port = query(blocked), settings.dns.listen[0].port
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "filterd.serve.resolver"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write(settings.to_json().encode() + b"\n")
        process.stdin.flush()
        first = 0.0
        while time.monotonic() - began < READY_SECONDS:
            answer = ask(port, packet, 1.0)
            if answer is not None:
                first = first or time.monotonic() - began
                if answer[3] & 15 == NXDOMAIN:
                    return first, time.monotonic() - began, resident(process.pid)
            time.sleep(STEP_SECONDS)
    finally:
        stop(process)
        if process.stdin is not None:
            process.stdin.close()
    message = "no right answer in time"
    raise CannotRunError(message)
