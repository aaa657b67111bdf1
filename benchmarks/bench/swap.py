"""A new snapshot comes into force under load: what clients see of it.

The load is open loop at 70 % of what the node does at most, a tenth of it for names that are blocked for
every line. Meanwhile the same lists are compiled in a process of its own, at the priority of the product's
compiler, and published; several times.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import resolver

from bench import lists, ours
from bench.bars import Swap
from bench.figures import latency, lost_in, parse_senders, parse_times
from bench.loads import Senders
from bench.machine import CannotRunError
from bench.packets import MUST_BLOCK, query, write_entries
from bench.rounds import Bench
from bench.snapshots import ORDERED
from bench.systems import Task
from filterd.config.settings import Settings

SHARE = 0.7
LOAD_SECONDS = 110
"""at most; it ends a moment after the last swap"""
QUIET_SECONDS = 2.0
SWAP_SECONDS = 60.0
"""a swap that takes longer is given up"""
POLL_SECONDS = 0.05
_GENERATION = "filterd_snapshot_generation"


def measure_swap(bench: Bench, task: Task, swaps: int) -> Swap:
    """Start filterd, load it, swap. Raises CannotRunError."""
    if task.names is None:
        message = "no names"
        raise CannotRunError(message)
    asked = lists.mix(task.names.popular, ORDERED, lists.BLOCKED_SHARE)
    queries = lists.write_queries(bench.work / "swap.queries", asked)
    ordered = frozenset(ORDERED)
    entries = write_entries(
        bench.work / "swap.entries",
        ((query(name), MUST_BLOCK if name in ordered else 0) for name in asked),
    )
    settings = ours.prepared(task)
    with resolver.running(settings, ours.pinning(task.cores)):
        port = settings.dns.listen[0].port
        bench.generator.dnsperf(port, queries, LOAD_SECONDS, once=True)
        most, _ = bench.generator.dnsperf(port, queries, bench.seconds)
        times = bench.work / "swap.times"
        how = Senders(entries, LOAD_SECONDS, int(most.rate * SHARE), times=times)
        return _under_load(bench, task, settings, how, swaps)


def _under_load(bench: Bench, task: Task, settings: Settings, how: Senders, swaps: int) -> Swap:
    port = settings.dns.listen[0].port
    probe, _ = bench.generator.senders(port, replace(how, seconds=1))
    if probe.answered < probe.sent // 2:
        message = f"it answers {probe.answered} of {probe.sent} queries at {how.rate}/s"
        raise CannotRunError(message)
    seconds = _length(task, swaps)
    with bench.generator.start(bench.generator.words(port, replace(how, seconds=seconds))) as process:
        began = time.monotonic()
        time.sleep(QUIET_SECONDS)
        taken, spans = [], []
        for number in range(swaps):
            if time.monotonic() - began > seconds - QUIET_SECONDS:
                break
            taken.append(_compile(task, bench.work / "swap.snapshot"))
            published = time.monotonic()
            spans.append((published, _publish(settings, bench.work / "swap.snapshot") + 1))
            bench.tell(f"  swap {number + 1}: compiled in {taken[-1]:.1f} s")
        output, _ = process.communicate(timeout=seconds + 10)
    load = parse_senders(output.decode(errors="replace"))
    assert how.times is not None  # noqa: S101 - it was given
    seen = parse_times(how.times.read_bytes())
    whole = latency(seen)
    spans = [(published - load.begin, end - load.begin) for published, end in spans]
    spans = [(published, end) for published, end in spans if end < seconds]  # under load to its end
    after = [latency(seen, end - 1, end) for _, end in spans]
    p99 = [each.p99 for each in after if each is not None]
    if whole is None or not spans:
        message = "no swap in time"
        raise CannotRunError(message)
    found = Swap(
        load.lost,
        load.unfiltered,
        whole.worst,
        max(p99, default=None),
        how.rate,
        max(taken),
        lost_in(seen, spans),
    )
    bench.tell(f"  {json.dumps({'swaps': len(spans), 'p99 of all': whole.p99, **found.as_dict()})}")
    return found


def _length(task: Task, swaps: int) -> int:
    """Seconds of load: what a few compiles at low priority may take."""
    names = task.names.count if task.names is not None else 0
    return min(LOAD_SECONDS, int(2 * QUIET_SECONDS + swaps * (3 + names / 250_000)))


def _compile(task: Task, target: Path) -> float:
    assert task.names is not None  # noqa: S101 - looked at before
    began = time.monotonic()
    ours.compile_apart(task.names.blocked, 1, target)
    return time.monotonic() - began


def _publish(settings: Settings, snapshot: Path) -> float:
    """Publish it and wait until it is in force; the moment."""
    before = ours.metric(ours.exposition(settings), _GENERATION)
    resolver.publish(settings.state_dir / "snapshots", snapshot)
    deadline = time.monotonic() + SWAP_SECONDS
    while time.monotonic() < deadline:
        if ours.metric(ours.exposition(settings), _GENERATION) != before:
            return time.monotonic()
        time.sleep(POLL_SECONDS)
    message = "the new snapshot did not come into force"
    raise CannotRunError(message)
