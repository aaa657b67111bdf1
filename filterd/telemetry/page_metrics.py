"""The metrics of pages: requests by listener and status, and connections; no path, host or client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import by_state, counter


@dataclass(frozen=True, slots=True)
class PageMetrics:
    """The values of the listeners of pages."""

    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """pages and status -> requests"""
    connections: Mapping[str, int] = field(default_factory=dict)
    """pages -> connections"""
    refused: Mapping[str, int] = field(default_factory=dict)
    """way to sign in -> sign-ins that were refused"""


def page_families(now: PageMetrics) -> Iterator[Metric]:
    """The families of a scrape."""
    yield counter(
        "filterd_page_requests",
        "Requests for pages by listener and status; 0 is one that got no reply.",
        ("pages", "status"),
        now.requests,
    )
    yield by_state(
        "filterd_page_connections",
        "Connections of browsers by listener, idle or not.",
        now.connections,
        "pages",
    )
    yield counter(
        "filterd_sign_ins_refused",
        "Sign-ins that were refused by way: a link or code that is none, a wrong PIN or token, a wait.",
        ("way",),
        now.refused,
    )
