"""The metrics of control on requests to look at a site again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import by_state, gauge

OVERDUE = "overdue"


def review_families(now: Mapping[str, int]) -> Iterator[Metric]:
    """The families of these counts: ``open``, ``appealed``, and ``overdue`` of both."""
    yield by_state(
        "filterd_reviews",
        "Requests to look at a site again that wait for a decision, those about one site counted as one.",
        {state: count for state, count in now.items() if state != OVERDUE},
    )
    yield gauge(
        "filterd_reviews_overdue",
        "Requests to look at a site again whose promised day has passed.",
        now.get(OVERDUE, 0),
    )
