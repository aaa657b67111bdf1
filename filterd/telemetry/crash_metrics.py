"""The metrics of crashes that packets caused; the supervisor's board keeps the counts across restarts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class CrashMetrics:
    """The values since the supervisor's start."""

    crashes: int = 0
    packets: int = 0
    """packets under work at a crash"""
    reduced: bool = False


def crash_families(now: CrashMetrics) -> Iterator[Metric]:
    """The three metrics of crashes."""
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
