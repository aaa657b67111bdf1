"""The metrics of control on the duty desk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric

from filterd.telemetry.metric_families import by_state, gauge


@dataclass(frozen=True, slots=True)
class DutyMetrics:
    """The values of the duty desk."""

    due: Mapping[str, int] = field(default_factory=dict)
    """kind of what is due -> how many, the late among them"""
    overdue: int = 0
    oldest_request: float = 0.0
    """seconds since the oldest request of an authority without an outcome came in; 0: none waits"""
    roster_gap: float | None = None
    """seconds until nobody is on duty, 0 while nobody is; None: no gap is ahead, or no roster is kept here"""


def duty_families(now: DutyMetrics) -> Iterator[Metric]:
    """The families of the duty desk."""
    yield by_state("filterd_duty_due", "Things that are due at the duty desk, by kind.", now.due, "kind")
    yield gauge("filterd_duty_overdue", "Things of the duty desk that are late.", now.overdue)
    yield gauge(
        "filterd_duty_oldest_request_seconds",
        "Age of the oldest request of an authority without an outcome; 0: none waits.",
        now.oldest_request,
    )
    gap = GaugeMetricFamily(
        "filterd_duty_roster_gap_seconds",
        "Time until nobody is on duty by the roster, 0 while nobody is; absent: no gap is near.",
    )
    if now.roster_gap is not None:
        gap.add_metric((), now.roster_gap)
    yield gap
