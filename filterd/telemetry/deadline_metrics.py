"""The metrics of deadlines of orders, which control serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric

from filterd.telemetry.metric_families import counter, gauge


@dataclass(frozen=True, slots=True)
class DeadlineMetrics:
    """The values of deadlines. Kinds: enforce, report, unblock, reconfirm, review, request,
    list_block, list_unblock."""

    overdue: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, float] = field(default_factory=dict)
    """kind -> seconds left of the soonest, negative where it has passed; absent: nothing of it is due"""
    waiting: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """alarms and attempts since the start of control"""


def deadline_families(now: DeadlineMetrics) -> Iterator[Metric]:
    """The families of deadlines."""
    overdue = GaugeMetricFamily(
        "filterd_orders_overdue", "Duties of orders that are not done in time, by kind.", labels=("kind",)
    )
    for kind, count in now.overdue.items():
        overdue.add_metric((kind,), count)
    yield overdue
    left = GaugeMetricFamily(
        "filterd_order_deadline_seconds",
        "Time left of the soonest duty of each kind; negative once it has passed.",
        labels=("kind",),
    )
    for kind, seconds in now.left.items():
        left.add_metric((kind,), seconds)
    yield left
    yield gauge("filterd_order_alarms_waiting", "Alarms that a channel has not taken.", now.waiting)
    yield counter(
        "filterd_order_alarms",
        "Alarms that were delivered or given up, and attempts that will be retried.",
        ("outcome",),
        now.outcomes,
    )
