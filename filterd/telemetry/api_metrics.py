"""The metrics of the API: requests by group of calls, how long they took, and how many are at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from filterd.telemetry.histogram import Histogram
from filterd.telemetry.metric_families import counter, gauge, histogram
from filterd.telemetry.page_metrics import PageMetrics

API_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0, 60.0)
"""seconds"""


@dataclass(frozen=True, slots=True)
class ApiMetrics:
    """The values of the web process."""

    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """group and status -> requests"""
    seconds: Mapping[str, Histogram] = field(default_factory=dict)
    """group -> seconds from the head of a request to the end of its reply"""
    in_flight: int = 0
    connections: int = 0
    imports: int = 0
    pages: PageMetrics = field(default_factory=PageMetrics)
    ready: bool = False
    clock: float = 0.0
    """Unix seconds"""


def api_families(now: ApiMetrics) -> Iterator[Metric]:
    """The families of a scrape."""
    yield counter(
        "filterd_api_requests",
        "Requests by group of calls and status; 401 had no valid token, 429 were beyond the rate.",
        ("group", "status"),
        now.requests,
    )
    yield histogram(
        "filterd_api_response_seconds",
        "Seconds from the head of a request to the end of its reply.",
        ("group",),
        now.seconds,
    )
    yield gauge("filterd_api_in_flight", "Requests at work.", now.in_flight)
    yield gauge("filterd_api_connections", "Connections of clients, idle or not.", now.connections)
    yield gauge("filterd_api_imports", "Imports of lines at work.", now.imports)
