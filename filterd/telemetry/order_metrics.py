"""The metrics of what waits for people about orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import by_state


def order_families(orders: Mapping[str, int], emergencies: Mapping[str, int]) -> Iterator[Metric]:
    """Orders by state, and emergency ends that another person has to look at."""
    yield by_state("filterd_orders", "Orders by state; an accepted one may have ended by itself.", orders)
    yield by_state(
        "filterd_order_emergency_reviews",
        "Orders that one person ended in an emergency and nobody has looked at: in time, or overdue.",
        emergencies,
    )
