"""``make bench``: filterd and its peers under load, in one run, in turns.

``make bench BENCH="--quick"`` takes about two minutes and is good for seeing that all of it works.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path

from bench import bars, comparison, lists
from bench.first import measure_first
from bench.hits import measure_hits
from bench.live import measure_live
from bench.loads import Generator
from bench.machine import CannotRunError, Cores, free_port
from bench.report import Report, say
from bench.rounds import Bench
from bench.swap import measure_swap
from bench.systems import Households, Running, Task, responder
from bench.threads import threads
from bench.worst_report import measure_worst

BUILD = Path("build")
PAGE = Path("docs/benchmarks.md")
PARTS = ("list", "lines", "names", "flood", "swap", "first", "threads", "live", "hits", "worst")
WITHOUT_LISTS = {"worst"}
"""parts that need no folder of lists"""
SWAPS = 3


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    rounds: int
    seconds: int
    names: int
    many_names: int
    lines: int
    many_lines: int
    popular: int = 10_000
    live_seconds: float = 5.0
    zipf_queries: int = 400_000


FULL = Size(5, 3, 1_000_000, 5_000_000, 100_000, 1_000_000)
QUICK = Size(1, 1, 100_000, 200_000, 10_000, 20_000, popular=2_000, live_seconds=1.0, zipf_queries=100_000)


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round with small lists")
    parser.add_argument("--rounds", type=int, help="rounds of each workload")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    parser.add_argument("--write", action="store_true", help=f"write the results into {PAGE}")
    parser.add_argument("--lists", type=Path, default=Path("../shared/data"), help="the folder of lists")
    chosen = parser.parse_args()
    size = QUICK if chosen.quick else FULL
    size = replace(size, rounds=chosen.rounds or size.rounds)
    parts = tuple(chosen.only or PARTS)
    if not chosen.lists.is_dir() and not WITHOUT_LISTS.issuperset(parts):
        say(f"bench: skipped, there is no folder {chosen.lists} with lists")
        return 0
    report = Report({"run": describe(size), **about()})
    with (
        tempfile.TemporaryDirectory(prefix="filterd-bench-") as work,
        bench(Path(work), size, report) as ready,
    ):
        run(ready, size, chosen.lists, parts, report)
    report.finish(BUILD / "bench.json")
    if chosen.write:
        report.write(PAGE)
    return 0


@contextlib.contextmanager
def bench(work: Path, size: Size, report: Report) -> Iterator[Bench]:
    """The generators and the upstream."""
    cores = Cores.of_machine()
    generator = Generator(cores, BUILD / "senders")
    nothing = Task(work, None, 0, cores, BUILD)
    with responder(nothing, free_port(), cores.generator, "upstream") as upstream:
        yield Bench(generator, work, size.rounds, size.seconds, upstream, say, report.skip)


def run(ready: Bench, size: Size, folder: Path, parts: tuple[str, ...], report: Report) -> None:
    """The parts that were chosen."""
    prepared = BUILD / "bench-lists"
    prepared.mkdir(exist_ok=True)
    task = partial(_task, ready)
    found = report.found

    @cache
    def few() -> lists.Names:
        return lists.make_names(folder, prepared, size.names, size.popular)

    @cache
    def many() -> lists.Names:
        return lists.make_names(folder, prepared, size.many_names, size.popular)

    steps: dict[str, list[Callable[[], None]]] = {
        "list": [
            lambda: comparison.measure_empty(ready, task("empty", few()), found),
            lambda: comparison.measure_list(ready, task("list", few()), found),
        ],
        "lines": [
            lambda: comparison.measure_households(
                ready, replace(task("lines", few()), households=Households(size.lines)), found
            )
        ],
        "names": [lambda: comparison.measure_many(ready, task("names", many()), found)],
        "flood": [lambda: comparison.measure_floods(ready, task("flood", few()), found)],
        "swap": [lambda: swapped(ready, task("swap", many()), report)],
        "first": [lambda: first_answer(ready, task("first", many()), size.many_lines, report)],
        "threads": [lambda: scaling(ready, few(), report)],
        "live": [lambda: live(ready, few(), size.live_seconds, report)],
        "hits": [lambda: hits(size.zipf_queries, report)],
        "worst": [lambda: worst(ready, report)],
    }
    for part in parts:
        for step in steps[part]:
            try:
                step()
            except CannotRunError as error:
                report.skip(part, str(error))
    report.bars = bars.rows(measured(report))


def swapped(ready: Bench, task: Task, report: Report) -> None:
    """The swap."""
    say("swap:")
    report.swap = measure_swap(ready, task, SWAPS if ready.rounds > 1 else 1)


def first_answer(ready: Bench, task: Task, lines: int, report: Report) -> None:
    """The start."""
    say("first answer:")
    report.alone["start"] = measure_first(ready, task, lines)


def scaling(ready: Bench, names: lists.Names, report: Report) -> None:
    """Two threads."""
    say("two threads against one, in process:")
    report.note("two against one", asdict(threads(ready.work, names, ready.rounds)))


def live(ready: Bench, names: lists.Names, seconds: float, report: Report) -> None:
    """Changes of lines."""
    say("changes of lines and addresses beside queries:")
    report.note("live changes", measure_live(ready.work, names, seconds))


def hits(queries: int, report: Report) -> None:
    """The cache."""
    say("cache hits:")
    report.note("cache hits, Zipf", measure_hits(queries))
    report.note("cache hits, Zipf and a third asked once", measure_hits(queries, once=3))


def worst(ready: Bench, report: Report) -> None:
    """The worst answers."""
    say("worst answers:")
    report.worst = measure_worst(ready, say)


def measured(report: Report) -> bars.Measured:
    """What the bars are about."""
    memory = comparison.per_million(report.found, "names") or comparison.per_million(report.found, "list")
    return bars.Measured(
        report.found.medians("mix"),
        report.found.medians("misses"),
        bytes_per_million=memory.get("filterd"),
        first_answer=report.alone.get("start", {}).get("first right answer"),
        swap=report.swap,
        two_threads=report.alone.get("two against one", {}).get("threads"),
        two_processes=report.alone.get("two against one", {}).get("processes"),
    )


def describe(size: Size) -> str:
    """How much of everything was measured, in words."""
    return (
        f"{size.rounds} rounds of {size.seconds} s; lists of {size.names:,} and {size.many_names:,} names; "
        f"{size.lines:,} lines with profiles, {size.many_lines:,} on disk at the start"
    )


def about() -> dict[str, str]:
    """The machine and what runs on it."""
    versions = {}
    for system in comparison.SYSTEMS:
        try:
            versions[system.name] = system.version()
        except CannotRunError as error:
            versions[system.name] = str(error)
    with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    kernel = f"{platform.system()} {platform.release()}"
    return {"processors": f"{os.cpu_count()} x {model}", "kernel": kernel, **versions}


def _task(ready: Bench, name: str, names: lists.Names) -> Task:
    folder = ready.work / name
    folder.mkdir(exist_ok=True)
    cores = ready.generator.cores
    upstream: Running = ready.upstream
    return Task(folder, names, upstream.port, cores, BUILD)


if __name__ == "__main__":
    sys.exit(main())
