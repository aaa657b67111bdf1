"""The resolver's families of metrics on sessions, and on how the lines of queries were recognised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import counter, gauge, total


@dataclass(frozen=True, slots=True)
class FollowedSessions:
    """The values of the sessions that the resolver follows."""

    count: int = 0
    ready: bool = True
    lag: float = 0.0
    """seconds since control was last heard"""
    resyncs: Mapping[str, int] = field(default_factory=dict)
    """reason -> the number of times that all sessions were read anew"""
    dropped: int = 0
    """records of the file of sessions that were left out when it was read"""


def followed_families(now: FollowedSessions) -> Iterator[Metric]:
    """The families on the sessions that a resolver follows."""
    yield gauge(
        "filterd_sessions",
        "Addresses and ports that a session leads to a line here; not those past their end.",
        now.count,
    )
    yield gauge(
        "filterd_sessions_ready",
        "Whether all sessions are loaded, or none are in use; otherwise `dns.parental_fail` decides for"
        " unknown clients.",
        float(now.ready),
    )
    yield gauge(
        "filterd_sessions_lag_seconds",
        "Seconds since control was last heard on its stream of sessions; it sends each second.",
        now.lag,
    )
    yield counter(
        "filterd_sessions_resyncs",
        "All sessions read anew from control, by why.",
        ("reason",),
        now.resyncs,
    )
    yield total(
        "filterd_sessions_dropped",
        "Records of the file of sessions that were damaged, or of a time that has not come, when a start read"
        " it: their lines are unknown until control is heard.",
        now.dropped,
    )


def identified_family(identified: Mapping[str, int]) -> Metric:
    """The queries by the way in which their line was recognised."""
    return counter(
        "filterd_identified",
        "Queries by how their line was recognised; unknown: by nothing.",
        ("method",),
        identified,
    )
