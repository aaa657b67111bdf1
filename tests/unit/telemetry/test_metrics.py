"""The metrics: the names that others' scripts rely on, well formed, and with no label of their own
making."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from filterd.telemetry.fast_metrics import FastPathMetrics
from filterd.telemetry.feed_metrics import FeedMetrics
from filterd.telemetry.followed_sessions import FollowedSessions
from filterd.telemetry.histogram import Histogram
from filterd.telemetry.metrics import (
    ControlMetrics,
    MetricsRegistry,
    ResolverMetrics,
    control_registry,
    resolver_registry,
)
from filterd.telemetry.upstream_metrics import UpstreamMetrics

FULL_RESOLVER = ResolverMetrics(
    queries={"udp": 3, "tcp": 1},
    verdicts={("block", "mandatory"): 2},
    category_blocks={"adult": 1},
    feed_observed={"new": 1},
    responses={"slow": Histogram((0.1, 1.0), [1, 2, 3], 4.5)},
    drops={"short": 1},
    rate_limited={("truncated", "32"): 4, ("dropped", "56"): 1},
    cache_lookups={"hit": 1},
    upstream_queries={("192.0.2.53:53", "answered"): 1},
    upstreams={"192.0.2.53:53": UpstreamMetrics(up=True, looping=False, latency=0.02, outstanding=3)},
    listen_addresses={"present": 2, "absent": 0},
    tcp_connections=3,
    tcp_ended={"idle": 1},
    tcp_shortages={"files": 1},
    snapshot_digest="ab" * 32,
    snapshot_generation=2,
    snapshots_refused={"damaged": 1},
    state_damage={"mandatory": 0},
    parts_ready={"mandatory": True},
    fast=FastPathMetrics(
        threads=2, self_queries={("fast", "answered"): 5, ("tcp", "unanswered"): 1}, stuck=1
    ),
    lines=1,
    overlay_entries=5,
    revision_lag=0.5,
    control_connected=True,
    identified={"session": 3, "unknown": 1},
    sessions=FollowedSessions(7, ready=True, lag=0.5, resyncs={"start": 1}),
    handovers={"taken": 1},
)
FULL_CONTROL = ControlMetrics(
    feeds={"starter-adult": FeedMetrics(149, 1.8e9, False, holds={"popular": 2})},
    orders={"accepted": 1},
    subscribers={"opted_in": 1},
    audit_entries=7,
)
RESOLVER_NAMES = {
    "filterd_self_queries_total",
    "filterd_threads_stuck",
    "filterd_queries_total",
    "filterd_verdicts_total",
    "filterd_category_blocks_total",
    "filterd_feed_observed_total",
    "filterd_response_seconds_bucket",
    "filterd_drops_total",
    "filterd_rate_limited_total",
    "filterd_cache_lookups_total",
    "filterd_upstream_queries_total",
    "filterd_upstream_up",
    "filterd_upstream_loops",
    "filterd_upstream_latency_seconds",
    "filterd_upstream_outstanding",
    "filterd_listen_addresses",
    "filterd_tcp_connections",
    "filterd_tcp_connections_ended_total",
    "filterd_tcp_shortages_total",
    "filterd_snapshot_info",
    "filterd_snapshot_generation",
    "filterd_order_enforcement_seconds_bucket",
    "filterd_overlay_entries",
    "filterd_node_revision_lag_seconds",
    "filterd_control_connected",
    "filterd_sessions",
    "filterd_sessions_ready",
    "filterd_sessions_lag_seconds",
    "filterd_sessions_resyncs_total",
    "filterd_sessions_dropped_total",
    "filterd_identified_total",
    "filterd_handovers_total",
    "filterd_build_info",
}
CONTROL_NAMES = {
    "filterd_feed_names",
    "filterd_feed_last_success_timestamp_seconds",
    "filterd_feed_quarantined",
    "filterd_feed_holds",
    "filterd_orders",
    "filterd_subscribers",
    "filterd_audit_entries_total",
    "filterd_build_info",
}
ROLES = [
    (resolver_registry(lambda: FULL_RESOLVER), RESOLVER_NAMES),
    (control_registry(lambda: FULL_CONTROL), CONTROL_NAMES),
]


def samples(metrics: MetricsRegistry) -> dict[str, list[dict[str, str]]]:
    """Labels by sample name."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


@pytest.mark.parametrize(("metrics", "names"), ROLES)
def test_the_names_of_the_contract(metrics: MetricsRegistry, names: set[str]) -> None:
    assert names <= samples(metrics).keys()


@pytest.mark.parametrize(("metrics", "names"), ROLES)
def test_well_named(metrics: MetricsRegistry, names: set[str]) -> None:
    """The rules of ``promtool check metrics``: help texts, units, and what ends in _total, _info or a
    unit."""
    text = metrics.exposition().decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    assert types.keys() == helps.keys()
    for name, kind in types.items():
        assert re.fullmatch(r"filterd_[a-z_]+", name)
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(milliseconds|minutes|hours|counter|gauge|histogram|metric)\b", name)
        assert kind != "histogram" or name.endswith("_seconds")


@pytest.mark.parametrize(("metrics", "names"), ROLES)
def test_labels_are_a_closed_set(metrics: MetricsRegistry, names: set[str]) -> None:
    allowed = {
        *("transport", "verdict", "reason", "category", "path", "le", "result", "upstream", "outcome"),
        *("digest", "part", "feed", "state", "version", "python", "role"),
        *("action", "prefix_length", "method"),
    }
    used = {label for labels in samples(metrics).values() for each in labels for label in each}
    assert used <= allowed


def test_figures_are_read_at_each_scrape() -> None:
    lines = iter([1, 2])
    metrics = resolver_registry(lambda: ResolverMetrics(lines=next(lines)))
    assert b"filterd_node_lines 1.0" in metrics.exposition()
    assert b"filterd_node_lines 2.0" in metrics.exposition()


def test_a_histogram_counts_by_bucket() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.1, 0.5, 2.0):
        histogram.observe(value)
    assert histogram.buckets() == [("0.1", 1.0), ("1.0", 2.0), ("+Inf", 3.0)]
    assert histogram.sum == pytest.approx(2.6)


def test_no_snapshot_no_digest() -> None:
    assert "filterd_snapshot_info" not in samples(resolver_registry(ResolverMetrics))
