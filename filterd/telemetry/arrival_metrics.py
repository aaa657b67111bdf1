"""The families of metrics on how far orders, and their ends, have come on the nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from filterd.telemetry.histogram import Histogram
from filterd.telemetry.metric_families import by_state, gauge, histogram


@dataclass(frozen=True, slots=True)
class ArrivalMetrics:
    """The values on the arrival of orders; ``effect`` is ``enforce`` or ``lift``."""

    unapplied: Mapping[str, int] = field(default_factory=dict)
    """effect -> the orders that not every node has taken it of"""
    oldest: Mapping[str, float] = field(default_factory=dict)
    """effect -> seconds since the oldest of them was due"""
    contrary: int = 0
    arrival: Mapping[str, Histogram] = field(default_factory=dict)
    """effect -> seconds until a node had it"""


def arrival_families(now: ArrivalMetrics) -> Iterator[Metric]:
    """Everything on the arrival of orders."""
    yield by_state(
        "filterd_orders_unapplied",
        "Orders that should be in force (enforce) or lifted (lift), and are not on every node.",
        now.unapplied,
        "effect",
    )
    yield by_state(
        "filterd_orders_unapplied_oldest_seconds",
        "Seconds since the oldest order that is not so on every node was due; 0 where each is.",
        now.oldest,
        "effect",
    )
    contrary = "Orders whose canary name a node answered otherwise than the order demands."
    yield gauge("filterd_orders_contrary", contrary, now.contrary)
    yield histogram(
        "filterd_order_arrival_seconds",
        "Seconds until a node had an order in force, or lifted, and on its disk, by its report.",
        ("effect",),
        now.arrival,
    )
