"""The metrics of the upstreams' condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class UpstreamMetrics:
    """One upstream at this moment."""

    up: bool
    looping: bool
    latency: float
    """smoothed, in seconds; 0: it has never answered"""
    outstanding: int


def upstream_families(upstreams: Mapping[str, UpstreamMetrics]) -> Iterator[Metric]:
    """One gauge for each value, labelled with the upstream."""
    texts = {
        "filterd_upstream_up": "Whether an upstream is asked before the resting ones.",
        "filterd_upstream_loops": "Whether questions to an upstream come back to this resolver.",
        "filterd_upstream_latency_seconds": "Seconds that an upstream takes to answer, smoothed.",
        "filterd_upstream_outstanding": "Questions that an upstream has not answered yet.",
    }
    families = [GaugeMetricFamily(name, text, labels=("upstream",)) for name, text in texts.items()]
    for upstream, now in upstreams.items():
        values = (float(now.up), float(now.looping), now.latency, float(now.outstanding))
        for family, value in zip(families, values, strict=True):
            family.add_metric((upstream,), value)
    yield from families
