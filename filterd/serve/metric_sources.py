"""Turns the counts of the data plane into values of metrics: neither package imports the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.thread import FastCounts
from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.selfcheck import SelfCheck
from filterd.dataplane.nodestate.node import Node
from filterd.dataplane.nodestate.session_follower import SessionFollower
from filterd.dataplane.packet.answer_counts import BOUNDS, AnswerCounts
from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import PlaneCounts
from filterd.dataplane.upstream.forwarder import UpstreamStatus
from filterd.model.records import CanaryResult, CanaryState
from filterd.policy.unread_categories import from_meta as unread_of
from filterd.serve.canary_probe import CanaryProbe
from filterd.serve.forwarding import Forwarding
from filterd.serve.listening import Listening
from filterd.serve.node_reports import ControlLink
from filterd.serve.wiring import feeds_of, in_force
from filterd.telemetry.crash_metrics import CrashMetrics
from filterd.telemetry.fast_metrics import FastPathMetrics
from filterd.telemetry.followed_sessions import FollowedSessions
from filterd.telemetry.histogram import Histogram
from filterd.telemetry.list_metrics import CanaryMetrics, ListMetrics, ProofMetrics
from filterd.telemetry.metrics import ResolverMetrics
from filterd.telemetry.upstream_metrics import UpstreamMetrics


@dataclass(frozen=True, slots=True)
class MetricSources:
    """The parts of the resolver whose counts the metrics show."""

    plane: Plane
    answer_counts: AnswerCounts
    node: Node
    board: CrashBoard | None
    forwarding: Forwarding
    listening: Listening
    fast: FastPath
    check: SelfCheck
    enforcement: Histogram
    control: ControlLink
    handovers: Mapping[str, int]
    probe: CanaryProbe
    sessions: SessionFollower


def read_metrics(sources: MetricSources) -> ResolverMetrics:
    """The values of the resolver's metrics at this moment."""
    counts, threads, slow = sources.plane.counts(), sources.fast.counts(), sources.answer_counts
    forwarding, listening = sources.forwarding, sources.listening
    return replace(
        _of_node(sources.node),
        queries=counts["queries"],
        verdicts=counts["verdicts"] | _without_verdict(counts),
        category_blocks=counts["categories"],
        feed_observed=counts["observed"],
        responses=_responses(slow, threads),
        drops=_drops(counts, slow, threads),
        rate_limited=counts["rate_limited"],
        cache_lookups=counts["lookups"],
        answers_too_large=counts["too_large"],
        ech_stripped=counts["ech_stripped"],
        unrecognised=counts["unrecognised"],
        identified=counts["identified"],
        sessions=_sessions(sources.sessions),
        upstream_queries=forwarding.counts(),
        upstreams={name: _upstream(status) for name, status in forwarding.statuses().items()},
        listen_addresses=listening.addresses.counts(),
        tcp_connections=len(listening.connections),
        tcp_ended={ending.value: count for ending, count in dict(listening.connections.ended).items()},
        tcp_shortages=dict(listening.service.shortages),
        enforcement=sources.enforcement,
        crashes=_crashes(sources.board),
        fast=_fast(threads, sources.check),
        control_connected=sources.control.connected,
        handovers=dict(sources.handovers),
        proof=_proof(sources),
    )


def _of_node(node: Node) -> ResolverMetrics:
    """The values of the node's state, and no others."""
    publisher = node.publisher
    return ResolverMetrics(
        snapshot_digest=publisher.snapshot.digest if publisher.snapshot is not None else "",
        snapshot_generation=publisher.published,
        snapshots_refused=dict(node.snapshot_files.refused),
        state_damage={name: part.damaged for name, part in node.disk.parts().items()},
        parts_ready={name: part.cursor is not None for name, part in node.disk.needed().items()},
        lines=len(node.disk.known.table),
        unknown_profiles=len(node.disk.book.missing()),
        categories_unread=_unread(node),
        overlay_entries=publisher.overlay_entries,
        exceptions=publisher.exceptions,
        parental_suspended=publisher.suspended_until > 0,
        revision_lag=node.lag(),
        other_history=node.following.other_history,
        kept_orders=len(node.kept_orders()),
        not_durable=len(node.disk.not_durable),
    )


def _unread(node: Node) -> dict[str, int]:
    """The categories that no list was read of, with the profiles of lines that restrict each."""
    snapshot = node.publisher.snapshot
    known = () if snapshot is None else unread_of(snapshot.meta).categories
    used = node.disk.book.unread()
    return {each: len(used.get(each, ())) for each in known}


def _proof(sources: MetricSources) -> ProofMetrics:
    """The lists in force on the node; the store is not asked."""
    node = sources.node
    return ProofMetrics(
        lists=[
            ListMetrics(each.label, each.version, each.digest, each.names, each.since)
            for each in feeds_of(node)
        ],
        effective_digest=node.publisher.effective[0] if in_force(node) else "",
        canaries={each.label: _canary(each) for each in sources.probe.results},
    )


def _sessions(sessions: SessionFollower) -> FollowedSessions:
    resyncs = {reason.value: count for reason, count in dict(sessions.resyncs).items()}
    return FollowedSessions(
        sessions.in_force, sessions.ready, sessions.lag(), resyncs, dropped=sessions.dropped
    )


def _canary(result: CanaryResult) -> CanaryMetrics:
    judged = result.state is not CanaryState.UNJUDGED
    return CanaryMetrics(result.state is CanaryState.BLOCKED if judged else None, result.succeeded_at)


def _drops(counts: PlaneCounts, slow: AnswerCounts, threads: Sequence[FastCounts]) -> Counter[str]:
    drops = Counter(counts["drops"]) + Counter(slow.drops)
    for thread in threads:
        drops.update(thread.drops)
    return drops


def _responses(slow: AnswerCounts, threads: Sequence[FastCounts]) -> dict[str, Histogram]:
    times = [sum(column) for column in zip(*(thread.times for thread in threads), strict=True)]
    return {
        "fast": Histogram(BOUNDS, times, sum(thread.seconds for thread in threads)),
        "slow": Histogram(BOUNDS, list(slow.responses), slow.seconds),
    }


def _fast(threads: Sequence[FastCounts], check: SelfCheck) -> FastPathMetrics:
    punts = {reason.word: sum(thread.punts[reason] for thread in threads) for reason in PuntReason}
    return FastPathMetrics(
        threads=len(threads),
        datagrams=sum(thread.datagrams - thread.self_queries for thread in threads),
        batches=sum(thread.batches for thread in threads),
        punts=punts,
        misses=_misses(threads),
        self_queries=dict(check.counts),
        stuck=check.threads_stuck,
        sent_early=sum(thread.sent_early for thread in threads),
    )


def _misses(threads: Sequence[FastCounts]) -> Counter[str]:
    misses: Counter[str] = Counter()
    for thread in threads:
        misses.update(thread.misses)
    return misses


def _upstream(status: UpstreamStatus) -> UpstreamMetrics:
    return UpstreamMetrics(status.up, status.looping, status.latency, status.outstanding)


def _crashes(board: CrashBoard | None) -> CrashMetrics:
    if board is None:
        return CrashMetrics()
    return CrashMetrics(board.crashes, board.packets, board.reduced)


def _without_verdict(counts: PlaneCounts) -> dict[tuple[str, str], int]:
    """The answers without a verdict, for the same metric, so that its sum is the number of answers."""
    limited = counts["rate_limited"].items()
    return {
        ("refuse", "acl"): counts["refused"],
        ("refuse", "reduced"): counts["reduced"],
        ("truncate", "rate_limit"): sum(count for (action, _), count in limited if action == "truncated"),
        ("error", "malformed"): counts["malformed"],
        ("error", "not_ready"): counts["not_ready"],
    }
