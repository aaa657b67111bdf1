"""The metrics of notices to the holders of lines, which control serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import counter, gauge


@dataclass(frozen=True, slots=True)
class NoticeMetrics:
    """The values of notices."""

    outcomes: Mapping[str, int] = field(default_factory=dict)
    """since the start of control"""
    waiting: int = 0
    oldest_waiting: float = 0.0
    """Unix seconds; 0: none waits"""


def notice_families(now: NoticeMetrics) -> Iterator[Metric]:
    """The families of notices."""
    yield counter(
        "filterd_notices",
        "Notices to holders that were delivered, failed or dropped, and attempts that will be retried.",
        ("outcome",),
        now.outcomes,
    )
    yield gauge("filterd_notices_waiting", "Notices that a receiver has not taken yet.", now.waiting)
    yield gauge(
        "filterd_notices_oldest_waiting_timestamp_seconds",
        "When the oldest notice that waits was made, Unix seconds; 0 where none waits.",
        now.oldest_waiting,
    )
