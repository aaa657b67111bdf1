"""The metrics of what is published: the public pages, and lists; control serves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import by_state, gauge


@dataclass(frozen=True, slots=True)
class PublicationMetrics:
    """The values of the pages that were exported."""

    differs: bool = False
    exported_at: float = 0.0
    """Unix seconds; 0: never"""
    lists_behind: int = 0
    lists_at: float = 0.0
    """when the newest edition of any list was made, Unix seconds; 0: none was"""
    lists_barred: int = 0
    comparisons: Mapping[str, int] = field(default_factory=dict)
    """result -> lists, of the last comparison with each provider"""


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
    yield gauge(
        "filterd_lists_published_behind",
        "Lists that were published, and of which another version is in force since, or another key signs.",
        now.lists_behind,
    )
    yield gauge(
        "filterd_lists_published_timestamp_seconds",
        "When the newest edition of a published list was made, Unix seconds; 0: none ever was.",
        now.lists_at,
    )
    yield gauge(
        "filterd_lists_published_barred",
        "Lists that became confidential or ended, and that are not withdrawn from what was published.",
        now.lists_barred,
    )
    yield by_state(
        "filterd_list_comparisons",
        "Lists by the result of the last comparison with each other provider.",
        now.comparisons,
        "result",
    )
