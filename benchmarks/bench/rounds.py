"""Rounds: each system in turn under the same load, again and again, so that a bad moment hits none alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import dns.message

from bench.figures import Figures, Load, latency, parse_times
from bench.loads import Generator, Senders
from bench.machine import CannotRunError, ask, busy, usage
from bench.packets import query
from bench.systems import NXDOMAIN, PROFILES, Running, System, Task, line_address

NOERROR = 0
ATTEMPTS = 5
CHECKED = 20
"""names of each kind that are asked before a system is measured"""

Full = Callable[[Running, int], tuple[Load, float]]
"""a load as high as it goes, of a system in a round; the generator's seconds of processor time with it"""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked."""

    name: str
    full: Full
    half: Callable[[Running], Senders]
    """the same at half of the rate, for latency; its rate and file of times are filled in"""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all rounds share."""

    generator: Generator
    work: Path
    rounds: int
    seconds: int
    upstream: Running
    tell: Callable[[str], None]
    skip: Callable[[str, str], None]
    """told what could not be run, and why"""


@contextlib.contextmanager
def started(bench: Bench, systems: Sequence[System], task: Task) -> Iterator[list[Running]]:
    """All of the systems that can be started, at one time: an idle one takes no processor time."""
    with contextlib.ExitStack() as stack:
        running = []
        for system in systems:
            folder = task.folder / system.name
            folder.mkdir(parents=True, exist_ok=True)
            try:
                each = stack.enter_context(system.start(replace(task, folder=folder)))
            except CannotRunError as error:
                bench.skip(f"{system.name} for {task.folder.name}", str(error))
                continue
            try:
                check(each, task)
            except CannotRunError as error:
                bench.skip(f"{system.name} for {task.folder.name}", str(error))
                continue
            running.append(each)
            bench.tell(f"  {each.name} answers after {each.load_seconds:.2f} s, {each.memory / 1e6:.0f} MB")
        yield running


def check(each: Running, task: Task) -> None:
    """True if it blocks what it must and nothing else. Raises CannotRunError. The bare responder cannot."""
    if task.names is None or each.name == "bare":
        return
    free = line_address(0) if task.households is not None else "127.0.0.1"
    strict = line_address(PROFILES - 1) if task.households is not None else "127.0.0.1"
    popular, blocked = task.names.popular[:CHECKED], task.names.some_blocked[:CHECKED]
    wanted = [(name, free, NOERROR) for name in popular] + [(name, strict, NXDOMAIN) for name in blocked]
    wanted += [(f"deeper.{name}", strict, NXDOMAIN) for name in blocked]
    if task.households is not None:
        wanted += [(name, free, NOERROR) for name in blocked]
    for name, client, code in wanted:
        answer = _asked(each.port, query(name), client)
        if answer is None or answer[3] & 15 != code:
            message = f"it answers {name} for {client} with {_said(answer)}, not {code}"
            raise CannotRunError(message)


def _said(answer: bytes | None) -> str:
    """Its code and its extended errors."""
    if answer is None:
        return "silence"
    options = dns.message.from_wire(answer).options
    return " ".join([str(answer[3] & 15), *(each.to_text() for each in options)])


def _asked(port: int, packet: bytes, client: str) -> bytes | None:
    """The answer, asked for a few times: one lost on a busy machine is no fault."""
    answers = (ask(port, packet, 2.0, client) for _ in range(ATTEMPTS))
    return next((each for each in answers if each is not None), None)


def play(bench: Bench, workload: Workload, running: Sequence[Running]) -> dict[str, list[Figures]]:
    """Every round of one workload; figures by system."""
    found: dict[str, list[Figures]] = {each.name: [] for each in running}
    for number in range(bench.rounds):
        for each in running:
            figures = _one(bench, workload, each, number)
            found[each.name].append(figures)
            bench.tell(f"  round {number + 1}  {describe(each.name, figures)}")
    return found


def describe(name: str, figures: Figures) -> str:
    """A line of the report."""
    text = f"{name:<9} {figures.rate:>8,.0f}/s  CPU {figures.user:5.2f} + {figures.system:5.2f} us"
    if figures.p50 is not None and figures.p99 is not None:
        text += f"  p50 {figures.p50:7.3f} ms  p99 {figures.p99:7.3f} ms"
    batch = "not reported" if figures.batch is None else f"{figures.batch:.1f}"
    text += (
        f"  denied {figures.denied:.1%}  lost {figures.lost:.0f}  failed {figures.failed:.0f}  batch {batch}"
    )
    return text + f"  generator {figures.generator:.0%}  others {figures.others:.2f} CPUs"


def _one(bench: Bench, workload: Workload, each: Running, number: int) -> Figures:
    """One system's turn."""
    counts = each.counts()
    before, upstream, all_before, began = usage(each.pid), usage(bench.upstream.pid), busy(), time.monotonic()
    load, generator = workload.full(each, number)
    used, helped = usage(each.pid) - before, usage(bench.upstream.pid) - upstream
    span = time.monotonic() - began
    others = max(busy() - all_before - used.total - helped.total - generator, 0.0) / span
    answered = max(load.answered, 1)
    figures = Figures(
        rate=load.rate,
        user=used.user * 1e6 / answered,
        system=used.system * 1e6 / answered,
        lost=load.lost,
        denied=load.codes.get("NXDOMAIN", 0) / answered,
        failed=load.failed,
        generator=(generator + helped.total) / span,
        others=others,
        batch=_batch(counts, each.counts()),
    )
    return _with_latency(bench, workload.half(each), each, figures)


def _batch(before: tuple[int, int] | None, after: tuple[int, int] | None) -> float | None:
    if before is None or after is None or after[1] == before[1]:
        return None
    return (after[0] - before[0]) / (after[1] - before[1])


def _with_latency(bench: Bench, half: Senders, each: Running, figures: Figures) -> Figures:
    """The same with latencies at half of its rate."""
    rate = int(figures.rate / 2)
    times = bench.work / "times"
    if rate < 1:
        return figures
    load, _ = bench.generator.senders(each.port, replace(half, rate=rate, times=times))
    seen = latency(parse_times(times.read_bytes()))
    if seen is None:
        return figures
    return replace(figures, p50=seen.p50 * 1000, p99=seen.p99 * 1000, lost_at_half=float(load.lost))
