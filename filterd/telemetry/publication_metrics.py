"""The metrics of the public pages, which control serves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import gauge


@dataclass(frozen=True, slots=True)
class PublicationMetrics:
    """The values of the pages that were exported."""

    differs: bool = False
    exported_at: float = 0.0
    """Unix seconds; 0: never"""


def publication_families(now: PublicationMetrics) -> Iterator[Metric]:
    """The families of the public pages."""
    yield gauge(
        "filterd_page_differs",
        "1 while the facts of the public pages that were exported last are not those that run; 0 also where "
        "none ever were.",
        float(now.differs),
    )
    yield gauge(
        "filterd_page_published_timestamp_seconds",
        "When the public pages were last exported, Unix seconds; 0: never.",
        now.exported_at,
    )
