"""The metrics of the fast path's threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import counter, gauge, total


@dataclass(frozen=True, slots=True)
class FastPathMetrics:
    """The counts of all threads together."""

    threads: int = 0
    datagrams: int = 0
    batches: int = 0
    punts: Mapping[str, int] = field(default_factory=dict)
    """by reason"""
    misses: Mapping[str, int] = field(default_factory=dict)
    """by result"""
    self_queries: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """by path and outcome"""
    stuck: int = 0
    sent_early: int = 0


def fast_families(now: FastPathMetrics) -> Iterator[Metric]:
    """The families at this moment."""
    yield gauge("filterd_fast_threads", "Threads of the fast path.", now.threads)
    yield total("filterd_fast_datagrams", "Datagrams of clients that the fast path received.", now.datagrams)
    yield total(
        "filterd_fast_batches",
        "Batches that they came in: datagrams by batches is how many one system call brings.",
        now.batches,
    )
    yield counter(
        "filterd_punts", "Queries that the fast path left to the slow path.", ("reason",), now.punts
    )
    yield counter(
        "filterd_fast_misses",
        "Questions that the cache had no answer to, or soon none, on the fast path: `asked` of an "
        "upstream; `joined` to the same question on its way; `renewed` for the cache before the answer is "
        "over; `full`: too much is on its way, the slow path took them.",
        ("result",),
        now.misses,
    )
    yield counter(
        "filterd_self_queries",
        "Self-queries, one a second for each thread and for TCP, by how they ended.",
        ("path", "outcome"),
        now.self_queries,
    )
    yield total(
        "filterd_fast_sent_early",
        "Answers that were sent before the rest of their batch was made, since that took long.",
        now.sent_early,
    )
    yield gauge("filterd_threads_stuck", "Threads of the fast path that answer nobody.", now.stuck)
