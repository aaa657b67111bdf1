"""The metrics of feeds, which control serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class FeedMetrics:
    """The values of one feed."""

    names: int
    last_success: float
    """Unix seconds, 0: never"""
    quarantined: bool
    orphaned: bool = False
    contributes: bool = True
    stale: bool = False
    held: bool = False
    """at an older version, by a person"""
    holds: Mapping[str, int] = field(default_factory=dict)
    """what is held back for a person, by reason: 1 for a whole version, else the number of names"""


def feed_families(feeds: Mapping[str, FeedMetrics]) -> Iterator[Metric]:
    """The families of all feeds, by label."""
    yield from _gauges(feeds)
    holds = GaugeMetricFamily(
        "filterd_feed_holds",
        "What of a feed is held back for a person: 1 for a whole version, the number of popular names.",
        labels=("feed", "reason"),
    )
    for feed, values in feeds.items():
        for reason, count in values.holds.items():
            holds.add_metric((feed, reason), count)
    yield holds


_GAUGES: tuple[tuple[str, str, Callable[[FeedMetrics], float]], ...] = (
    ("filterd_feed_names", "Names of a feed in force.", lambda feed: feed.names),
    (
        "filterd_feed_last_success_timestamp_seconds",
        "When a feed was last read well, Unix seconds.",
        lambda feed: feed.last_success,
    ),
    ("filterd_feed_quarantined", "Whether a feed's new content is held back.", lambda feed: feed.quarantined),
    (
        "filterd_feed_orphaned",
        "Whether a feed in force has lost its entry in the policies.",
        lambda feed: feed.orphaned,
    ),
    (
        "filterd_feed_contributes",
        "Whether anything comes of a feed: it was read, has names, and its servers have its list.",
        lambda feed: feed.contributes,
    ),
    (
        "filterd_feed_stale",
        "Whether a feed was not read well for longer than stale_after.",
        lambda feed: feed.stale,
    ),
    ("filterd_feed_held", "Whether a person holds a feed at an older version.", lambda feed: feed.held),
)


def _gauges(feeds: Mapping[str, FeedMetrics]) -> Iterator[Metric]:
    for name, text, value in _GAUGES:
        family = GaugeMetricFamily(name, text, labels=("feed",))
        for feed, values in feeds.items():
            family.add_metric((feed,), float(value(values)))
        yield family
