"""The metrics of the block page: how many came, by the kind of page, and nothing of who or for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import counter, gauge


@dataclass(frozen=True, slots=True)
class BlockMetrics:
    """The values of the block page's process."""

    requests: Mapping[str, int] = field(default_factory=dict)
    """kind of page -> requests"""
    connections: int = 0
    ready: bool = False
    clock: float = 0.0
    """Unix seconds"""


def block_families(now: BlockMetrics) -> Iterator[Metric]:
    """The families of a scrape."""
    yield counter(
        "filterd_block_page_requests",
        "Requests that a sinkhole led here, by the kind of page; what pages of others load counts too.",
        ("kind",),
        now.requests,
    )
    yield gauge("filterd_block_page_connections", "Connections of clients, idle or not.", now.connections)
