"""A flood that takes the slow way, from one prefix: what other clients see of it.

Every query of the flood has a name of its own, whose upstream truncates over UDP and answers over TCP. Others
ask for cached names meanwhile. No rate limit: loopback has none by default, and the peers none at all.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import latency, parse_senders, parse_times
from bench.loads import Senders
from bench.packets import FRESH, FRESH_LABEL, query, write_entries
from bench.rounds import Bench
from bench.systems import Running

FLOOD_RATE = 20_000
FLOOD_SOURCES = 250
FLOOD_FIRST = "127.9.0.1"
WITNESS_RATE = 1_000
WITNESS_SOURCES = 1_000
WITNESS_FIRST = "127.20.0.1"
SECONDS = 3


@dataclass(frozen=True, slots=True)
class Flooded:
    """One system in one round."""

    flood_answered: float
    """share of the flood that was answered in time"""
    lost: float
    """share of the others' queries without an answer in time"""
    p50: float | None
    """milliseconds, of the others"""
    p99: float | None
    worst: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure_flood(
    bench: Bench, running: Sequence[Running], popular: Sequence[str]
) -> dict[str, list[Flooded]]:
    """Each system in turn, every round."""
    times = bench.work / "flood.times"
    cold = query((FRESH_LABEL % "tc-") + ".flood.example")
    flood = Senders(
        write_entries(bench.work / "flood.entries", [(cold, FRESH)]),
        SECONDS + 1,
        FLOOD_RATE,
        FLOOD_SOURCES,
        FLOOD_FIRST,
    )
    observer = Senders(
        write_entries(bench.work / "witness.entries", ((query(name), 0) for name in popular)),
        SECONDS,
        WITNESS_RATE,
        WITNESS_SOURCES,
        WITNESS_FIRST,
        times,
    )
    found: dict[str, list[Flooded]] = {each.name: [] for each in running}
    for number in range(bench.rounds):
        for each in running:
            with bench.generator.start(bench.generator.words(each.port, flood)) as process:
                seen, _ = bench.generator.senders(each.port, observer)
                output, _ = process.communicate(timeout=30)
            sent = parse_senders(output.decode(errors="replace"))
            after = latency(parse_times(times.read_bytes()))
            figures = Flooded(
                sent.answered / max(sent.sent, 1),
                seen.lost / max(seen.sent, 1),
                None if after is None else after.p50 * 1000,
                None if after is None else after.p99 * 1000,
                None if after is None else after.worst * 1000,
            )
            found[each.name].append(figures)
            bench.tell(f"  round {number + 1}  {describe(each.name, figures)}")
    return found


def middle(rounds: Sequence[Flooded]) -> Flooded:
    """Field by field the median over the rounds that have the field. ValueError for no rounds."""
    if not rounds:
        message = "no rounds have no median"
        raise ValueError(message)
    known = {
        name: [value for each in rounds if (value := getattr(each, name)) is not None]
        for name in Flooded.__dataclass_fields__
    }
    values: dict[str, Any] = {name: statistics.median(each) if each else None for name, each in known.items()}
    return Flooded(**values)


def describe(name: str, figures: Flooded) -> str:
    """A line of the report."""
    text = f"{name:<9} others: lost {figures.lost:.2%}"
    if figures.p50 is not None and figures.p99 is not None and figures.worst is not None:
        text += f"  p50 {figures.p50:.3f} ms  p99 {figures.p99:.3f} ms  worst {figures.worst:.1f} ms"
    return text + f"  of the flood answered {figures.flood_answered:.1%}"
