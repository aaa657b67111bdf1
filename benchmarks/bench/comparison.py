"""filterd beside its peers: the workloads that all of them get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench import lists
from bench.figures import Figures, Load, median
from bench.flood import Flooded, measure_flood
from bench.loads import Senders
from bench.machine import ask
from bench.ours import FILTERD
from bench.packets import CLIENT_COOKIE, COOKIE, FRESH, FRESH_LABEL, cookie_of, option, query, write_entries
from bench.peers import BARE, PEERS
from bench.rounds import Bench, Workload, play, started
from bench.systems import FIRST_LINE, Households, Running, Task

SYSTEMS = (BARE, FILTERD, *PEERS)
COLD_QUERIES = 200_000
"""different names for each second of a load of misses"""
HALF_SECONDS = 1
WARM_SECONDS = 60
"""at most"""
STRANGER = "127.8.0.1"
"""a client that no line has: for it nothing of the list is blocked"""
MILLION = 1_000_000


@dataclass
class Found:
    """What was measured: figures by workload and system, and what each system took to load."""

    rounds: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)
    floods: dict[str, list[Flooded]] = field(default_factory=dict)
    """by system"""
    loaded: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    """by task and system: seconds, bytes, bytes per million names"""

    def medians(self, workload: str) -> dict[str, Figures]:
        """By system."""
        return {name: median(rounds) for name, rounds in self.rounds.get(workload, {}).items()}

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "workloads": {
                workload: {
                    name: {
                        "median": median(rounds).as_dict(),
                        "rounds": [each.as_dict() for each in rounds],
                    }
                    for name, rounds in systems.items()
                }
                for workload, systems in self.rounds.items()
            },
            "flood": {name: [each.as_dict() for each in rounds] for name, rounds in self.floods.items()},
            "loaded": self.loaded,
        }


def measure_list(bench: Bench, task: Task, found: Found) -> None:
    """The workloads that want nothing but a list: mix, blocked, cookies, and misses last, as they fill
    caches."""
    if task.names is None:
        return
    with started(bench, SYSTEMS, task) as running:
        _note_loads(found, task, running)
        mixed = _mix(bench, task.names, "mix", lists.BLOCKED_SHARE)
        warm(bench, running, "mix")
        for workload in (mixed, _mix(bench, task.names, "blocked", 100), _cookies(bench, task.names)):
            bench.tell(f"{workload.name}:")
            found.rounds[workload.name] = play(bench, workload, running)
        bench.tell("misses:")
        found.rounds["misses"] = play(
            bench, _misses(bench), [each for each in running if each.name != "bare"]
        )


def measure_households(bench: Bench, task: Task, found: Found) -> None:
    """Many lines with different profiles."""
    if task.names is None or task.households is None:
        return
    with started(bench, SYSTEMS, task) as running:
        _note_loads(found, task, running)
        workload = _households(bench, task.names, task.households)
        warm(bench, running, "lines", "-a", STRANGER)
        bench.tell(f"{workload.name}:")
        found.rounds[workload.name] = play(bench, workload, running)


def measure_many(bench: Bench, task: Task, found: Found) -> None:
    """Millions of names."""
    if task.names is None:
        return
    with started(bench, SYSTEMS, task) as running:
        _note_loads(found, task, running)
        workload = _mix(bench, task.names, "names", lists.BLOCKED_SHARE)
        warm(bench, running, "names")
        bench.tell(f"{workload.name}:")
        found.rounds[workload.name] = play(bench, workload, running)


def measure_floods(bench: Bench, task: Task, found: Found) -> None:
    """What others see of a flood that takes the slow way."""
    if task.names is None:
        return
    lists.write_queries(bench.work / "flood.queries", task.names.popular)
    with started(bench, SYSTEMS, replace(task, names=None)) as running:
        warm(bench, running, "flood")
        bench.tell("flood:")
        found.floods = measure_flood(bench, running, task.names.popular)


def measure_empty(bench: Bench, task: Task, found: Found) -> None:
    """What each holds in memory without any list."""
    with started(bench, SYSTEMS, replace(task, names=None)) as running:
        _note_loads(found, task, running)


def warm(bench: Bench, running: Sequence[Running], name: str, *options: str) -> None:
    """Ask every query of a file once, so that what can be in a cache is."""
    for each in running:
        bench.generator.dnsperf(each.port, bench.work / f"{name}.queries", WARM_SECONDS, *options, once=True)


def _note_loads(found: Found, task: Task, running: Sequence[Running]) -> None:
    found.loaded[task.folder.name] = {
        each.name: {
            "seconds": each.load_seconds,
            "bytes": float(each.memory),
            "names": float(task.names.count if task.names is not None else 0),
        }
        for each in running
    }


def per_million(found: Found, task: str) -> dict[str, float]:
    """Bytes that a million names of that task's list take, by system: beyond what it holds without any."""
    empty = found.loaded.get("empty", {})
    return {
        name: (each["bytes"] - empty[name]["bytes"]) * MILLION / each["names"]
        for name, each in found.loaded.get(task, {}).items()
        if name in empty and each["names"] and name != "bare"
    }


def _entries(bench: Bench, name: str, names: Sequence[str], options: bytes = b"") -> Path:
    path = bench.work / f"{name}.entries"
    return write_entries(path, ((query(each, options), 0) for each in names))


def _mix(bench: Bench, names: lists.Names, name: str, share: int) -> Workload:
    asked = lists.mix(names.popular, names.some_blocked, share)
    queries = lists.write_queries(bench.work / f"{name}.queries", asked)

    def full(each: Running, _: int) -> tuple[Load, float]:
        return bench.generator.dnsperf(each.port, queries, bench.seconds)

    half = Senders(_entries(bench, name, asked), HALF_SECONDS)
    return Workload(name, full, lambda _: half)


def _cookies(bench: Bench, names: lists.Names) -> Workload:
    """The mix, each query with a cookie: the server's own, where the system makes cookies."""
    asked = lists.mix(names.popular, names.some_blocked, lists.BLOCKED_SHARE)
    queries = lists.write_queries(bench.work / "cookies.queries", asked)

    def cookie(each: Running) -> bytes:
        answer = ask(each.port, query(names.popular[0], option(COOKIE, CLIENT_COOKIE)), 1.0)
        return (cookie_of(answer) if answer is not None else None) or CLIENT_COOKIE

    def full(each: Running, _: int) -> tuple[Load, float]:
        return bench.generator.dnsperf(
            each.port, queries, bench.seconds, "-E", f"{COOKIE}:{cookie(each).hex()}"
        )

    def half(each: Running) -> Senders:
        return Senders(_entries(bench, "cookies", asked, option(COOKIE, cookie(each))), HALF_SECONDS)

    return Workload("cookies", full, half)


def _misses(bench: Bench) -> Workload:
    """Names that are asked for once."""

    def full(each: Running, number: int) -> tuple[Load, float]:
        count = COLD_QUERIES * bench.seconds
        path = bench.work / f"cold{number}.queries"
        if not path.exists():
            lists.write_queries(path, lists.fresh(number, count))
        return bench.generator.dnsperf(each.port, path, bench.seconds, once=True)

    cold = [(query((FRESH_LABEL % "new") + ".cold.example"), FRESH)]
    half = Senders(write_entries(bench.work / "cold.entries", cold), HALF_SECONDS)
    return Workload("misses", full, lambda _: half)


def _households(bench: Bench, names: lists.Names, households: Households) -> Workload:
    """The mix from as many client addresses as there are lines. dnsperf has one address, so ours send it."""
    asked = lists.mix(names.popular, names.some_blocked, lists.BLOCKED_SHARE)
    lists.write_queries(bench.work / "lines.queries", asked)
    # With lengths that have no common divisor every line asks for every name in time.
    how = Senders(
        _entries(bench, "lines", asked[:-1]),
        bench.seconds,
        sources=households.count,
        first=str(FIRST_LINE),
    )

    def full(each: Running, _: int) -> tuple[Load, float]:
        return bench.generator.senders(each.port, how)

    half = replace(how, seconds=HALF_SECONDS)
    return Workload("lines", full, lambda _: half)
