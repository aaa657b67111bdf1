"""The figures that ``filterd top`` shows, as frozen values. Rates are per second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from filterd.operations.top.change import Change, Quantile

NO_FAULT = frozenset(("answered", "probe", "hedge"))
"""the outcomes of a query to an upstream that are no sign of trouble"""


@dataclass(frozen=True, slots=True)
class VerdictRate:
    """Answers of one verdict and reason."""

    verdict: str
    reason: str
    rate: float


@dataclass(frozen=True, slots=True)
class UpstreamFigures:
    """One upstream."""

    upstream: str
    up: bool
    looping: bool
    answered: float
    failed: float
    outstanding: int
    latency: float
    """seconds, smoothed; 0: it has never answered"""


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """The node state."""

    ready: Mapping[str, bool]
    """part -> loaded"""
    snapshot: str
    generation: int
    lines: int
    overlay: int
    lag: float
    other_history: bool
    kept_orders: int
    not_durable: int
    unknown_profiles: int
    exceptions: int
    parental_suspended: bool
    control_connected: bool


@dataclass(frozen=True, slots=True)
class ResolverFigures:
    """The resolver over one interval."""

    version: str
    restarted: bool
    queries: Mapping[str, float]
    dropped: Mapping[str, float]
    rate_limited: Mapping[str, float]
    median: Quantile | None
    slowest: Quantile | None
    """the 99th percentile"""
    cache: Mapping[str, float]
    datagrams: float
    punts: Mapping[str, float]
    verdicts: tuple[VerdictRate, ...]
    upstreams: tuple[UpstreamFigures, ...]
    tcp_connections: int
    threads: int
    threads_stuck: int
    absent_addresses: int
    reduced_mode: bool
    node: NodeFigures


@dataclass(frozen=True, slots=True)
class ControlFigures:
    """Control over one interval."""

    version: str
    restarted: bool
    feeds: int
    feeds_held_back: int
    feeds_orphaned: int
    feeds_held: int
    orders: Mapping[str, int]
    subscribers: Mapping[str, int]
    compile_failures: int
    """in the interval"""
    rows_damaged: int


def resolver_figures(change: Change) -> ResolverFigures:
    """The figures of two scrapes of the resolver."""
    return ResolverFigures(
        version=change.info("filterd_build_info", "version"),
        restarted=change.restarted,
        queries=change.by("filterd_queries_total", "transport"),
        dropped=change.by("filterd_drops_total", "reason"),
        rate_limited=change.by("filterd_rate_limited_total", "action"),
        median=change.quantile("filterd_response_seconds", 0.5),
        slowest=change.quantile("filterd_response_seconds", 0.99),
        cache=change.by("filterd_cache_lookups_total", "result"),
        datagrams=change.rate("filterd_fast_datagrams_total"),
        punts=change.by("filterd_punts_total", "reason"),
        verdicts=_verdicts(change),
        upstreams=_upstreams(change),
        tcp_connections=int(change.gauge("filterd_tcp_connections")),
        threads=int(change.gauge("filterd_fast_threads")),
        threads_stuck=int(change.gauge("filterd_threads_stuck")),
        absent_addresses=int(change.gauges("filterd_listen_addresses", "state").get("absent", 0)),
        reduced_mode=change.gauge("filterd_reduced_mode") > 0,
        node=_node(change),
    )


def _verdicts(change: Change) -> tuple[VerdictRate, ...]:
    found = change.rates("filterd_verdicts_total", "verdict", "reason").items()
    rates = [VerdictRate(verdict, reason, rate) for (verdict, reason), rate in found]
    return tuple(sorted(rates, key=lambda each: (-each.rate, each.verdict, each.reason)))


def _upstreams(change: Change) -> tuple[UpstreamFigures, ...]:
    looping = change.gauges("filterd_upstream_loops", "upstream")
    outstanding = change.gauges("filterd_upstream_outstanding", "upstream")
    latency = change.gauges("filterd_upstream_latency_seconds", "upstream")
    rates = change.rates("filterd_upstream_queries_total", "upstream", "outcome")
    return tuple(
        UpstreamFigures(
            upstream=each,
            up=up > 0,
            looping=looping.get(each, 0) > 0,
            answered=rates.get((each, "answered"), 0.0),
            failed=sum(
                rate for (name, outcome), rate in rates.items() if name == each and outcome not in NO_FAULT
            ),
            outstanding=int(outstanding.get(each, 0)),
            latency=latency.get(each, 0.0),
        )
        for each, up in change.gauges("filterd_upstream_up", "upstream").items()
    )


def _node(change: Change) -> NodeFigures:
    parts = change.gauges("filterd_node_part_ready", "part")
    return NodeFigures(
        ready={part: ready > 0 for part, ready in parts.items()},
        snapshot=change.info("filterd_snapshot_info", "digest"),
        generation=int(change.gauge("filterd_snapshot_generation")),
        lines=int(change.gauge("filterd_node_lines")),
        overlay=int(change.gauge("filterd_overlay_entries")),
        lag=change.gauge("filterd_node_revision_lag_seconds"),
        other_history=change.gauge("filterd_node_other_history") > 0,
        kept_orders=int(change.gauge("filterd_node_kept_orders")),
        not_durable=int(change.gauge("filterd_node_changes_not_durable")),
        unknown_profiles=int(change.gauge("filterd_node_unknown_profiles")),
        exceptions=int(change.gauge("filterd_exceptions")),
        parental_suspended=change.gauge("filterd_parental_suspended") > 0,
        control_connected=change.gauge("filterd_control_connected") > 0,
    )


def control_figures(change: Change) -> ControlFigures:
    """The figures of two scrapes of control."""
    return ControlFigures(
        version=change.info("filterd_build_info", "version"),
        restarted=change.restarted,
        feeds=len(change.gauges("filterd_feed_names", "feed")),
        feeds_held_back=int(change.gauge("filterd_feed_quarantined")),
        feeds_orphaned=int(change.gauge("filterd_feed_orphaned")),
        feeds_held=int(change.gauge("filterd_feed_held")),
        orders=_whole(change.gauges("filterd_orders", "state")),
        subscribers=_whole(change.gauges("filterd_subscribers", "state")),
        compile_failures=change.grown("filterd_compile_failures_total"),
        rows_damaged=int(change.gauge("filterd_store_rows_damaged")),
    )


def _whole(found: Mapping[str, float]) -> dict[str, int]:
    return {state: int(value) for state, value in found.items()}
