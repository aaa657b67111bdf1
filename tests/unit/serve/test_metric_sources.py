"""Each metric is read from its own count: every source here has a number of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from types import SimpleNamespace
from typing import Any, cast

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.thread import FastCounts
from filterd.dataplane.listeners.connection_table import ConnectionEnding
from filterd.dataplane.nodestate.session_follower import ResyncReason
from filterd.dataplane.packet.answer_counts import BOUNDS, AnswerCounts
from filterd.dataplane.upstream.forwarder import UpstreamStatus
from filterd.model.records import CanaryResult, CanaryState, FeedInForce
from filterd.serve.metric_sources import MetricSources, read_metrics
from filterd.telemetry.crash_metrics import CrashMetrics
from filterd.telemetry.fast_metrics import FastPathMetrics
from filterd.telemetry.followed_sessions import FollowedSessions
from filterd.telemetry.histogram import ENFORCEMENT_BUCKETS, Histogram
from filterd.telemetry.list_metrics import CanaryMetrics, ListMetrics, ProofMetrics
from filterd.telemetry.metrics import ResolverMetrics
from filterd.telemetry.upstream_metrics import UpstreamMetrics

COLUMNS = len(BOUNDS) + 1
PLANE = {
    "queries": {"udp": 101, "tcp": 102},
    "verdicts": {("block", "mandatory"): 103},
    "categories": {"adult": 104},
    "observed": {"gambling": 116},
    "drops": {"short": 1, "acl": 2},
    "rate_limited": {("truncated", "32"): 105, ("truncated", "56"): 106, ("dropped", "32"): 107},
    "lookups": {"hit": 108},
    "refused": 109,
    "reduced": 110,
    "malformed": 111,
    "not_ready": 112,
    "too_large": 113,
    "ech_stripped": 117,
    "unrecognised": {"ipv4": 114, "ipv6": 115},
    "identified": {"session": 118, "unknown": 119},
}
THREADS = (
    FastCounts(
        turns=1,
        batches=201,
        datagrams=1000,
        punts={reason: 10 + reason for reason in PuntReason},
        drops={"short": 4, "unsent": 8},
        misses={"asked": 31, "full": 32},
        times=tuple(range(COLUMNS)),
        seconds=1.5,
        self_queries=7,
        sent_early=401,
    ),
    FastCounts(
        turns=2,
        batches=300,
        datagrams=2000,
        punts=dict.fromkeys(PuntReason, 100),
        drops={"unsent": 16},
        misses={"asked": 64, "joined": 65},
        times=(1000,) * COLUMNS,
        seconds=2.25,
        self_queries=90,
        sent_early=402,
    ),
)

UNREAD = {"unread": {"categories": ["adult", "games"]}}
"""of a snapshot's meta"""


CANARIES = (
    CanaryResult("a", "a.canary.example", CanaryState.BLOCKED, "", 328.0, 326.0),
    CanaryResult("b", "b.canary.example", CanaryState.PASSED, "answered", 328.0, 327.0),
    CanaryResult("c", "c.canary.example", CanaryState.UNJUDGED, "no answer", 328.0, 0.0),
)


def sources(*, snapshot: bool = True, board: bool = True) -> MetricSources:
    """Every part, with counts that nobody else has."""
    parts = {
        "mandatory": SimpleNamespace(damaged=301, cursor=0),
        "lines": SimpleNamespace(damaged=302, cursor=None),
    }
    node = SimpleNamespace(
        publisher=SimpleNamespace(
            snapshot=SimpleNamespace(digest="ab" * 32, meta=UNREAD) if snapshot else None,
            published=303,
            overlay_entries=304,
            exceptions=322,
            suspended_until=323,
            state=object() if snapshot else None,
            feeds=(FeedInForce("worst-of", "mandatory", "7", "cd" * 32, 322, 323.5),),
            effective=("ef" * 32, 324),
        ),
        snapshot_files=SimpleNamespace(refused=Counter(damaged=305)),
        disk=SimpleNamespace(
            parts=lambda: parts,
            needed=lambda: parts,
            known=SimpleNamespace(table=range(306)),
            book=SimpleNamespace(missing=lambda: {"a", "b"}, unread=lambda: {"adult": ("x", "y")}),
            not_durable=range(320),
        ),
        lag=lambda: 12.5,
        following=SimpleNamespace(other_history=True, waits=False),
        kept_orders=lambda: range(321),
    )
    listening = SimpleNamespace(
        addresses=SimpleNamespace(counts=lambda: {"present": 307, "absent": 308}),
        connections=Connections(),
        service=SimpleNamespace(shortages=Counter(files=309)),
    )
    forwarding = SimpleNamespace(
        counts=lambda: {("192.0.2.53:53", "answered"): 310},
        statuses=lambda: {"192.0.2.53:53": UpstreamStatus(True, False, 0.25, 311)},
    )
    slow = AnswerCounts()
    slow.responses[2] = 312
    slow.seconds = 3.5
    slow.drops.update(acl=32, slow=64)
    parts_of_it: dict[str, Any] = {
        "plane": SimpleNamespace(counts=lambda: PLANE),
        "answer_counts": slow,
        "node": node,
        "board": SimpleNamespace(crashes=313, packets=314, reduced=True) if board else None,
        "forwarding": forwarding,
        "listening": listening,
        "fast": SimpleNamespace(counts=lambda: THREADS),
        "check": SimpleNamespace(counts=Counter({("fast", "answered"): 315}), threads_stuck=316),
        "enforcement": Histogram(ENFORCEMENT_BUCKETS),
        "control": SimpleNamespace(connected=True),
        "handovers": Counter(taken=804),
        "probe": SimpleNamespace(results=CANARIES),
        "sessions": SimpleNamespace(
            in_force=901,
            ready=False,
            lag=lambda: 9.5,
            resyncs=Counter({ResyncReason.BEHIND: 902}),
            dropped=903,
        ),
    }
    return MetricSources(**{name: cast("Any", part) for name, part in parts_of_it.items()})


class Connections:
    """So many are open, and ended for these reasons."""

    ended = Counter({ConnectionEnding.IDLE: 317, ConnectionEnding.UNREAD: 318})

    def __len__(self) -> int:
        return 319


def plain(metrics: ResolverMetrics) -> dict[str, object]:
    """The metrics by name, with histograms as values that can be compared."""
    found: dict[str, object] = {each.name: getattr(metrics, each.name) for each in fields(metrics)}
    found["responses"] = {path: content(each) for path, each in metrics.responses.items()}
    return found


def content(histogram: Histogram) -> tuple[object, ...]:
    return histogram.bounds, histogram.counts, histogram.sum


def test_every_value_comes_from_its_own_count() -> None:
    made = sources()
    made.enforcement.observe(0.3)
    expected = ResolverMetrics(
        queries={"udp": 101, "tcp": 102},
        verdicts={
            ("block", "mandatory"): 103,
            ("refuse", "acl"): 109,
            ("refuse", "reduced"): 110,
            ("truncate", "rate_limit"): 105 + 106,
            ("error", "malformed"): 111,
            ("error", "not_ready"): 112,
        },
        category_blocks={"adult": 104},
        feed_observed={"gambling": 116},
        responses={
            "fast": Histogram(BOUNDS, [1000 + column for column in range(COLUMNS)], 3.75),
            "slow": Histogram(BOUNDS, [0, 0, 312, *[0] * (COLUMNS - 3)], 3.5),
        },
        drops=Counter(short=1 + 4, acl=2 + 32, slow=64, unsent=8 + 16),
        rate_limited={("truncated", "32"): 105, ("truncated", "56"): 106, ("dropped", "32"): 107},
        cache_lookups={"hit": 108},
        answers_too_large=113,
        ech_stripped=117,
        unrecognised={"ipv4": 114, "ipv6": 115},
        identified={"session": 118, "unknown": 119},
        sessions=FollowedSessions(901, ready=False, lag=9.5, resyncs={"behind": 902}, dropped=903),
        upstream_queries={("192.0.2.53:53", "answered"): 310},
        upstreams={"192.0.2.53:53": UpstreamMetrics(up=True, looping=False, latency=0.25, outstanding=311)},
        listen_addresses={"present": 307, "absent": 308},
        tcp_connections=319,
        tcp_ended={"idle": 317, "unread": 318},
        tcp_shortages={"files": 309},
        snapshot_digest="ab" * 32,
        snapshot_generation=303,
        snapshots_refused={"damaged": 305},
        state_damage={"mandatory": 301, "lines": 302},
        parts_ready={"mandatory": True, "lines": False},
        enforcement=made.enforcement,
        crashes=CrashMetrics(313, 314, True),
        fast=FastPathMetrics(
            threads=2,
            datagrams=3000 - 97,
            batches=501,
            punts={reason.word: 110 + reason for reason in PuntReason},
            misses=Counter(asked=95, full=32, joined=65),
            self_queries={("fast", "answered"): 315},
            stuck=316,
            sent_early=803,
        ),
        lines=306,
        unknown_profiles=2,
        categories_unread={"adult": 2, "games": 0},
        overlay_entries=304,
        exceptions=322,
        parental_suspended=True,
        revision_lag=12.5,
        other_history=True,
        kept_orders=321,
        not_durable=320,
        control_connected=True,
        handovers={"taken": 804},
        proof=ProofMetrics(
            [ListMetrics("worst-of", "7", "cd" * 32, 322, 323.5)],
            "ef" * 32,
            {
                "a": CanaryMetrics(blocked=True, last_success=326.0),
                "b": CanaryMetrics(blocked=False, last_success=327.0),
                "c": CanaryMetrics(blocked=None, last_success=0.0),
            },
        ),
    )
    assert plain(read_metrics(made)) == plain(expected)


def test_what_is_not_there_yet_has_the_values_of_nothing() -> None:
    found = read_metrics(sources(snapshot=False, board=False))
    assert found.snapshot_digest == ""
    assert (found.proof.lists, found.proof.effective_digest) == ([], "")
    assert found.crashes == CrashMetrics()
