"""The metrics of control on retention, on ARCO requests and on preservation holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric

from filterd.telemetry.metric_families import by_state, gauge


@dataclass(frozen=True, slots=True)
class PrivacyMetrics:
    """Times in Unix seconds, 0 for never."""

    last_run: float = 0.0
    overdue: Mapping[str, int] = field(default_factory=dict)
    """class of data -> the rows or files that are past their term by more than two days"""
    requests: Mapping[str, int] = field(default_factory=dict)
    """open, overdue -> the ARCO requests; those that are overdue are open too"""
    holds: int = 0
    """preservation holds in force"""


def privacy_families(now: PrivacyMetrics) -> Iterator[Metric]:
    """The families of these values."""
    yield gauge(
        "filterd_retention_last_success_timestamp_seconds",
        "When data past its term was last deleted, Unix seconds; 0: never.",
        now.last_run,
    )
    overdue = GaugeMetricFamily(
        "filterd_retention_overdue",
        "Rows or files past their term by more than two days, by class of data.",
        labels=("class",),
    )
    for name, count in now.overdue.items():
        overdue.add_metric((name,), count)
    yield overdue
    yield by_state(
        "filterd_arco_requests",
        "Requests of holders for their data that are open, and those whose term is over.",
        now.requests,
    )
    yield gauge(
        "filterd_preservation_holds",
        "Holds in force that keep existing records from deletion at an authority's demand.",
        now.holds,
    )
