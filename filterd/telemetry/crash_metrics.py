"""Metrics of a resolver that died of what it was sent; the supervisor counts, over the deaths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class CrashMetrics:
    """Since the supervisor's start."""

    crashes: int = 0
    packets: int = 0
    """that were under work at one"""
    reduced: bool = False


def crash_families(now: CrashMetrics) -> Iterator[Metric]:
    """The three of them."""
    yield CounterMetricFamily(
        "filterd_resolver_crashes", "Deaths of the resolver by a fault.", value=now.crashes
    )
    yield CounterMetricFamily(
        "filterd_crash_packets",
        "Packets under work when the resolver died; the log has their keyed hashes.",
        value=now.packets,
    )
    yield GaugeMetricFamily(
        "filterd_reduced_mode", "1: plain queries alone, after several deaths.", value=float(now.reduced)
    )
