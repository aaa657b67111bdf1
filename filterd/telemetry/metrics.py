"""The metrics of the roles, read from counts kept elsewhere: a scrape costs the query path nothing.

Each role passes a function that reads its values; nothing here is global. Names and labels are a contract
(docs/metrics.md). No label holds a name, a line or an address of a client.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

import filterd
from filterd.telemetry.api_metrics import ApiMetrics, api_families
from filterd.telemetry.arrival_metrics import ArrivalMetrics, arrival_families
from filterd.telemetry.block_metrics import BlockMetrics, block_families
from filterd.telemetry.crash_metrics import CrashMetrics, crash_families
from filterd.telemetry.deadline_metrics import DeadlineMetrics, deadline_families
from filterd.telemetry.duty_metrics import DutyMetrics, duty_families
from filterd.telemetry.fast_metrics import FastPathMetrics, fast_families
from filterd.telemetry.feed_metrics import FeedMetrics, feed_families
from filterd.telemetry.followed_sessions import FollowedSessions, followed_families, identified_family
from filterd.telemetry.histogram import ENFORCEMENT_BUCKETS, Histogram
from filterd.telemetry.list_metrics import ProofMetrics, proof_families
from filterd.telemetry.metric_families import by_state as _by_state
from filterd.telemetry.metric_families import counter as _counter
from filterd.telemetry.metric_families import gauge as _gauge
from filterd.telemetry.metric_families import histogram as _histogram
from filterd.telemetry.metric_families import total as _total
from filterd.telemetry.node_metrics import node_families
from filterd.telemetry.notice_metrics import NoticeMetrics, notice_families
from filterd.telemetry.order_metrics import order_families
from filterd.telemetry.page_metrics import page_families
from filterd.telemetry.privacy_metrics import PrivacyMetrics, privacy_families
from filterd.telemetry.publication_metrics import PublicationMetrics, publication_families
from filterd.telemetry.register_metrics import RegisterMetrics, register_families
from filterd.telemetry.report_metrics import ReportMetrics, report_families
from filterd.telemetry.review_metrics import review_families
from filterd.telemetry.session_metrics import SessionMetrics, session_families
from filterd.telemetry.trail_metrics import TrailMetrics, trail_families
from filterd.telemetry.upstream_metrics import UpstreamMetrics, upstream_families


@dataclass(frozen=True, slots=True)
class ResolverMetrics:
    """The values of the resolver. Keys of mappings are label values, in the order of the metric's labels."""

    queries: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    category_blocks: Mapping[str, int] = field(default_factory=dict)
    feed_observed: Mapping[str, int] = field(default_factory=dict)
    responses: Mapping[str, Histogram] = field(default_factory=dict)
    drops: Mapping[str, int] = field(default_factory=dict)
    rate_limited: Mapping[tuple[str, str], int] = field(default_factory=dict)
    cache_lookups: Mapping[str, int] = field(default_factory=dict)
    answers_too_large: int = 0
    ech_stripped: int = 0
    unrecognised: Mapping[str, int] = field(default_factory=dict)  # by address family; of no line
    identified: Mapping[str, int] = field(default_factory=dict)  # by method; the line was recognised
    sessions: FollowedSessions = field(default_factory=FollowedSessions)
    upstream_queries: Mapping[tuple[str, str], int] = field(default_factory=dict)
    upstreams: Mapping[str, UpstreamMetrics] = field(default_factory=dict)
    listen_addresses: Mapping[str, int] = field(default_factory=dict)
    """present, absent -> the number of listen addresses"""
    tcp_connections: int = 0
    tcp_ended: Mapping[str, int] = field(default_factory=dict)
    tcp_shortages: Mapping[str, int] = field(default_factory=dict)
    snapshot_digest: str = ""
    snapshot_generation: int = 0
    snapshots_refused: Mapping[str, int] = field(default_factory=dict)
    state_damage: Mapping[str, int] = field(default_factory=dict)
    """part of the node state -> the number of times it was found damaged"""
    parts_ready: Mapping[str, bool] = field(default_factory=dict)
    enforcement: Histogram = field(default_factory=lambda: Histogram(ENFORCEMENT_BUCKETS))
    lines: int = 0
    unknown_profiles: int = 0
    categories_unread: Mapping[str, int] = field(default_factory=dict)
    """category without a list that was read -> the profiles of lines that restrict it"""
    overlay_entries: int = 0
    exceptions: int = 0
    parental_suspended: bool = False
    revision_lag: float = 0.0
    """seconds since the node last had everything, applied and on its disk"""
    other_history: bool = False
    kept_orders: int = 0
    not_durable: int = 0
    control_connected: bool = False
    handovers: Mapping[str, int] = field(default_factory=dict)
    """starts with a predecessor, by how they went"""
    crashes: CrashMetrics = field(default_factory=CrashMetrics)
    fast: FastPathMetrics = field(default_factory=FastPathMetrics)
    proof: ProofMetrics = field(default_factory=ProofMetrics)
    ready: bool = False
    clock: float = 0.0
    """Unix seconds"""


@dataclass(frozen=True, slots=True)
class ControlMetrics:
    """The values of control."""

    feeds: Mapping[str, FeedMetrics] = field(default_factory=dict)
    orders: Mapping[str, int] = field(default_factory=dict)
    emergencies: Mapping[str, int] = field(default_factory=dict)
    """emergency ends of orders that nobody has looked at: in time, and overdue"""
    subscribers: Mapping[str, int] = field(default_factory=dict)
    consent: Mapping[str, int] = field(default_factory=dict)
    """lines that have opted in, by the evidence that they rest on"""
    audit_entries: int = 0
    compile_failures: int = 0
    rows_damaged: int = 0
    nodes_drifted: int = 0
    sessions: SessionMetrics = field(default_factory=SessionMetrics)
    privacy: PrivacyMetrics = field(default_factory=PrivacyMetrics)
    reviews: Mapping[str, int] = field(default_factory=dict)
    """open, appealed, overdue -> the requests to look at a site again"""
    notices: NoticeMetrics = field(default_factory=NoticeMetrics)
    publication: PublicationMetrics = field(default_factory=PublicationMetrics)
    arrivals: ArrivalMetrics = field(default_factory=ArrivalMetrics)
    trail: TrailMetrics = field(default_factory=TrailMetrics)
    deadlines: DeadlineMetrics = field(default_factory=DeadlineMetrics)
    reports: ReportMetrics = field(default_factory=ReportMetrics)
    registers: RegisterMetrics = field(default_factory=RegisterMetrics)
    duty: DutyMetrics = field(default_factory=DutyMetrics)
    ready: bool = False
    clock: float = 0.0
    """Unix seconds"""


class MetricsRegistry:
    """The metrics of one role: :meth:`exposition` gives the text of a scrape."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, role: str, families: Callable[[], Iterable[Metric]]) -> None:
        self._role = role
        self._families = families
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)  # the library only calls collect()

    def collect(self) -> Iterator[Metric]:
        """The families at this moment, as the library calls for them."""
        build = InfoMetricFamily("filterd_build", "Version of filterd and of the Python it runs on.")
        version = {"version": filterd.__version__, "python": platform.python_version(), "role": self._role}
        build.add_metric([], version)
        yield build
        yield from self._families()

    def describe(self) -> list[Metric]:
        """Nothing: describing the families at registration would already read the values."""
        return []

    def exposition(self) -> bytes:
        """The text format of a scrape."""
        return generate_latest(self._registry)


def resolver_registry(read: Callable[[], ResolverMetrics]) -> MetricsRegistry:
    """The resolver's metrics; ``read`` is called at each scrape."""
    return MetricsRegistry("resolver", lambda: _resolver_families(read()))


def control_registry(read: Callable[[], ControlMetrics]) -> MetricsRegistry:
    """The metrics of control; ``read`` is called at each scrape."""
    return MetricsRegistry("control", lambda: _control_families(read()))


def web_registry(read: Callable[[], ApiMetrics]) -> MetricsRegistry:
    """The metrics of the web process; ``read`` is called at each scrape."""
    return MetricsRegistry("web", lambda: _web_families(read()))


def block_registry(read: Callable[[], BlockMetrics]) -> MetricsRegistry:
    """The metrics of the block page; ``read`` is called at each scrape."""
    return MetricsRegistry("block", lambda: _block_families(read()))


def _block_families(now: BlockMetrics) -> Iterator[Metric]:
    yield from _role_families(now)
    yield from block_families(now)


def _web_families(now: ApiMetrics) -> Iterator[Metric]:
    yield from _role_families(now)
    yield from api_families(now)
    yield from page_families(now.pages)


def _role_families(now: ResolverMetrics | ControlMetrics | ApiMetrics | BlockMetrics) -> Iterator[Metric]:
    yield _gauge(
        "filterd_ready", "Whether the role can do its work; `/readyz` says why not.", float(now.ready)
    )
    yield _gauge(
        "filterd_clock_timestamp_seconds", "The time by the machine's clock, Unix seconds.", now.clock
    )


def _resolver_families(now: ResolverMetrics) -> Iterator[Metric]:
    yield from _role_families(now)
    yield from _query_families(now)
    yield from fast_families(now.fast)
    yield from upstream_families(now.upstreams)
    yield from _listener_families(now)
    yield from _state_families(now)
    yield from followed_families(now.sessions)
    yield from proof_families(now.proof)
    yield from crash_families(now.crashes)


def _query_families(now: ResolverMetrics) -> Iterator[Metric]:
    yield _counter("filterd_queries", "Queries received.", ("transport",), now.queries)
    yield _counter(
        "filterd_verdicts", "Answers by what was decided and why.", ("verdict", "reason"), now.verdicts
    )
    yield from _list_families(now)
    yield _histogram("filterd_response_seconds", "Seconds from query to answer.", ("path",), now.responses)
    yield _counter("filterd_drops", "Packets that got silence.", ("reason",), now.drops)
    yield _counter(
        "filterd_rate_limited",
        "Clients' queries over UDP beyond the rate limit, by what they got and the length of the prefix.",
        ("action", "prefix_length"),
        now.rate_limited,
    )
    yield from _answer_families(now)


def _answer_families(now: ResolverMetrics) -> Iterator[Metric]:
    yield _counter(
        "filterd_cache_lookups",
        "Lookups in the response cache; prefetch is a hit that has its answer renewed before it is over.",
        ("result",),
        now.cache_lookups,
    )
    yield _total(
        "filterd_answers_too_large",
        "Answers of upstreams that were refused since to judge them would take too long.",
        now.answers_too_large,
    )
    yield _total(
        "filterd_ech_stripped",
        "Answers to lines whose policy has Encrypted Client Hello taken out, and which had it.",
        now.ech_stripped,
    )
    yield _counter(
        "filterd_unrecognised_queries",
        "Queries of clients whose address belongs to no line, by address family.",
        ("family",),
        now.unrecognised,
    )
    yield identified_family(now.identified)
    yield _counter(
        "filterd_upstream_queries",
        "Queries forwarded, by upstream and how they ended.",
        ("upstream", "outcome"),
        now.upstream_queries,
    )


def _list_families(now: ResolverMetrics) -> Iterator[Metric]:
    yield _counter(
        "filterd_category_blocks", "Queries blocked by a category.", ("category",), now.category_blocks
    )
    yield _counter(
        "filterd_feed_observed",
        "Queries for names of a list that is observed and blocks nothing, of all lines.",
        ("feed",),
        now.feed_observed,
    )


def _listener_families(now: ResolverMetrics) -> Iterator[Metric]:
    yield _by_state(
        "filterd_listen_addresses",
        "Addresses of `dns.listen`, by whether an interface has them.",
        now.listen_addresses,
    )
    yield _gauge("filterd_tcp_connections", "TCP connections of clients that are open.", now.tcp_connections)
    yield _counter(
        "filterd_tcp_connections_ended", "TCP connections that ended, by why.", ("reason",), now.tcp_ended
    )
    yield _counter(
        "filterd_tcp_shortages",
        "TCP connections that could not be accepted yet, by what the system had none of.",
        ("reason",),
        now.tcp_shortages,
    )


def _state_families(now: ResolverMetrics) -> Iterator[Metric]:
    snapshot = InfoMetricFamily("filterd_snapshot", "Digest of the policy snapshot in force.")
    if now.snapshot_digest:
        snapshot.add_metric([], {"digest": now.snapshot_digest})
    yield snapshot
    yield _gauge("filterd_snapshot_generation", "States published since the start.", now.snapshot_generation)
    yield _counter(
        "filterd_snapshots_refused",
        "Snapshot files refused; the one in memory stays.",
        ("reason",),
        now.snapshots_refused,
    )
    yield _counter("filterd_node_state_damage", "Node state found damaged.", ("part",), now.state_damage)
    ready = GaugeMetricFamily(
        "filterd_node_part_ready", "Whether a part of the node state is loaded.", labels=("part",)
    )
    for part, loaded in now.parts_ready.items():
        ready.add_metric((part,), float(loaded))
    yield ready
    yield _histogram(
        "filterd_order_enforcement_seconds",
        "Seconds from an order's acceptance to its effect on this node.",
        (),
        {"": now.enforcement},
    )
    yield from node_families(now)


def _control_families(now: ControlMetrics) -> Iterator[Metric]:
    yield from _role_families(now)
    yield from feed_families(now.feeds)
    yield from _store_families(now)
    yield from arrival_families(now.arrivals)
    yield from session_families(now.sessions)
    yield from privacy_families(now.privacy)
    yield from review_families(now.reviews)
    yield from notice_families(now.notices)
    yield from deadline_families(now.deadlines)
    yield from register_families(now.registers)
    yield from duty_families(now.duty)
    yield from publication_families(now.publication)
    yield from trail_families(now.trail)
    yield from report_families(now.reports)


def _store_families(now: ControlMetrics) -> Iterator[Metric]:
    yield from order_families(now.orders, now.emergencies)
    yield _by_state(
        "filterd_subscribers", "Lines by state; each counts once: a paused one as paused.", now.subscribers
    )
    yield _by_state(
        "filterd_consent_lines",
        "Lines that have opted in, by their evidence: own, shared, repeated or none; at most an hour old.",
        now.consent,
        "evidence",
    )
    audit = CounterMetricFamily("filterd_audit_entries", "Entries of the audit chain.")
    audit.add_metric((), now.audit_entries)
    yield audit
    failures = CounterMetricFamily(
        "filterd_compile_failures", "Snapshot compiles that failed, unreadable policies included."
    )
    failures.add_metric((), now.compile_failures)
    yield failures
    damaged = GaugeMetricFamily(
        "filterd_store_rows_damaged", "Orders and lists whose rows in the store are not what was decided."
    )
    damaged.add_metric((), now.rows_damaged)
    yield damaged
    yield _gauge(
        "filterd_nodes_drifted",
        "Nodes that run other lists than the newest, or than the other nodes, for too long.",
        now.nodes_drifted,
    )
