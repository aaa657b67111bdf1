"""A whole scrape: names, types and labels as in ``tests/golden/metrics.txt``, and each value in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from filterd.telemetry.api_metrics import ApiMetrics
from filterd.telemetry.arrival_metrics import ArrivalMetrics
from filterd.telemetry.block_metrics import BlockMetrics
from filterd.telemetry.crash_metrics import CrashMetrics
from filterd.telemetry.deadline_metrics import DeadlineMetrics
from filterd.telemetry.duty_metrics import DutyMetrics
from filterd.telemetry.fast_metrics import FastPathMetrics
from filterd.telemetry.feed_metrics import FeedMetrics
from filterd.telemetry.histogram import ENFORCEMENT_BUCKETS, Histogram
from filterd.telemetry.list_metrics import CanaryMetrics, ListMetrics, ProofMetrics
from filterd.telemetry.metrics import (
    ControlMetrics,
    MetricsRegistry,
    ResolverMetrics,
    block_registry,
    control_registry,
    resolver_registry,
    web_registry,
)
from filterd.telemetry.notice_metrics import NoticeMetrics
from filterd.telemetry.page_metrics import PageMetrics
from filterd.telemetry.privacy_metrics import PrivacyMetrics
from filterd.telemetry.publication_metrics import PublicationMetrics
from filterd.telemetry.register_metrics import RegisterMetrics
from filterd.telemetry.report_metrics import ReportMetrics
from filterd.telemetry.session_metrics import SessionMetrics
from filterd.telemetry.trail_metrics import AnchorMetrics, TrailMetrics
from filterd.telemetry.upstream_metrics import UpstreamMetrics


def observed(*seconds: float) -> Histogram:
    """A histogram of these."""
    made = Histogram((0.5, 1.0, 2.0))
    for each in seconds:
        made.observe(each)
    return made


RESOLVER = ResolverMetrics(
    queries={"udp": 101, "tcp": 102},
    verdicts={("block", "mandatory"): 103, ("pass", "none"): 104},
    category_blocks={"adult": 105},
    feed_observed={"new": 212},
    responses={"fast": observed(0.1, 0.5, 0.6, 1.5), "slow": observed(9.0, 2.0)},
    drops={"short": 106},
    rate_limited={("truncated", "32"): 107, ("dropped", "56"): 108},
    cache_lookups={"hit": 109},
    answers_too_large=134,
    ech_stripped=213,
    ready=True,
    clock=138.5,
    unrecognised={"ipv4": 136, "ipv6": 137},
    upstream_queries={("192.0.2.53:53", "answered"): 110},
    upstreams={
        "192.0.2.53:53": UpstreamMetrics(up=True, looping=False, latency=0.25, outstanding=111),
        "192.0.2.54:53": UpstreamMetrics(up=False, looping=True, latency=0.0, outstanding=0),
    },
    listen_addresses={"present": 112, "absent": 113},
    tcp_connections=114,
    tcp_ended={"idle": 115},
    tcp_shortages={"files": 116},
    snapshot_digest="ab" * 32,
    snapshot_generation=117,
    snapshots_refused={"damaged": 118},
    state_damage={"mandatory": 119},
    parts_ready={"mandatory": True, "lines": False},
    enforcement=observed(0.7),
    lines=120,
    unknown_profiles=121,
    categories_unread={"adult": 133},
    overlay_entries=122,
    revision_lag=12.5,
    other_history=True,
    kept_orders=132,
    handovers={"taken": 137, "stuck": 138},
    not_durable=133,
    crashes=CrashMetrics(123, 124, True),
    fast=FastPathMetrics(
        threads=125,
        datagrams=126,
        batches=127,
        punts={"forward": 128},
        misses={"asked": 129},
        self_queries={("fast", "answered"): 130},
        stuck=131,
        sent_early=135,
    ),
    proof=ProofMetrics(
        [
            ListMetrics("worst-of", "7", "cd" * 32, 139, 140.5),
            ListMetrics("confidential-0a1b2c3d", "9", "ef" * 32, 141, 142.5),
        ],
        "0f" * 32,
        {
            "worst-of": CanaryMetrics(blocked=True, last_success=143.5),
            "other": CanaryMetrics(blocked=False, last_success=144.5),
            "confidential-0a1b2c3d": CanaryMetrics(blocked=None, last_success=0.0),
        },
    ),
)
CONTROL = ControlMetrics(
    feeds={
        "starter": FeedMetrics(names=201, last_success=202.5, quarantined=False),
        "other": FeedMetrics(
            names=203,
            last_success=0.0,
            quarantined=True,
            contributes=False,
            stale=True,
            holds={"max_shrink": 1, "popular": 211},
        ),
    },
    orders={"accepted": 204, "pending": 205},
    emergencies={"waiting": 231, "overdue": 232},
    subscribers={"opted_in": 206},
    consent={"own": 225, "shared": 226},
    audit_entries=207,
    compile_failures=208,
    rows_damaged=209,
    nodes_drifted=211,
    arrivals=ArrivalMetrics(
        {"enforce": 401, "lift": 402},
        {"enforce": 403.5, "lift": 404.5},
        405,
        {"lift": Histogram(ENFORCEMENT_BUCKETS, [609] * 14, 610.5)},
    ),
    reviews={"open": 305, "appealed": 306, "overdue": 307},
    reports=ReportMetrics(391.5, 392, 393),
    privacy=PrivacyMetrics(301.5, {"consent": 302}, {"open": 303, "overdue": 304}, 308),
    publication=PublicationMetrics(
        differs=True,
        exported_at=306.5,
        lists_behind=309,
        lists_at=312.5,
        lists_barred=313,
        comparisons={"same": 310, "different": 311},
    ),
    trail=TrailMetrics(
        checkpoint_at=401.5,
        uncovered=402,
        refused=True,
        keys_unexplained=403,
        statement_at=404.5,
        anchors={"tsa": AnchorMetrics(405.5, 406, 407)},
    ),
    notices=NoticeMetrics({"delivered": 231, "failed": 232}, waiting=233, oldest_waiting=234.5),
    duty=DutyMetrics({"request": 286, "approval": 287}, 288, 289.5, 290.5),
    deadlines=DeadlineMetrics({"enforce": 281, "review": 282}, {"report": 283.5}, 284, {"delivered": 285}),
    registers=RegisterMetrics(
        {"pl": 501.5},
        {"pl": True},
        {"pl": 502},
        {"pl": 503},
        {"pl": 504},
        {("mf", "names"): 505},
        {("mf", "names"): 506},
    ),
    sessions=SessionMetrics(
        sources={"radius": {"registered": 212, "unregistered": 213}},
        most=215,
        changes={"sent": 216},
        refused=217,
        packets={"accepted": 218},
        refused_claims={"radius": 219},
        by_second_secret=220,
        lease_lines_skipped=221,
        complete=True,
        followers=219,
        clocks={"right": 220, "off": 221, "unproven": 222},
        clock_steps=223,
        nas_without_place=224,
        stamped_ahead={"start": 225},
    ),
    ready=True,
    clock=210.5,
)
API = ApiMetrics(
    requests={("subscribers", "200"): 301, ("other", "401"): 302},
    seconds={"subscribers": observed(0.5, 1.5)},
    in_flight=303,
    connections=304,
    imports=305,
    pages=PageMetrics({("portal+public", "200"): 307, ("desk", "403"): 308}, {"desk": 309}, {"pin": 310}),
    ready=True,
    clock=306.5,
)


BLOCK = BlockMetrics(
    requests={"parental": 401, "security": 402, "mandatory": 403, "confidential": 404, "general": 405},
    connections=406,
    ready=True,
    clock=407.5,
)


REGISTRIES = {
    "resolver": resolver_registry(lambda: RESOLVER),
    "control": control_registry(lambda: CONTROL),
    "web": web_registry(lambda: API),
    "block": block_registry(lambda: BLOCK),
}
EMPTY = {
    "resolver": resolver_registry(ResolverMetrics),
    "control": control_registry(ControlMetrics),
    "web": web_registry(ApiMetrics),
    "block": block_registry(BlockMetrics),
}
"""of processes that have done nothing yet"""


def scraped(registry: MetricsRegistry) -> dict[str, Metric]:
    """The metrics in the text of a scrape, by their names."""
    text = registry.exposition().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def shape_of(family: Metric) -> Iterator[str]:
    """The name and type of a metric, and below it those of its samples with their labels."""
    yield f"{family.name} {family.type}"
    yield from sorted({f"  {' '.join([each.name, *sorted(each.labels)])}" for each in family.samples})


def test_metrics_keep_their_names_types_and_labels(golden: Callable[[str, str], None]) -> None:
    lines: list[str] = []
    for role, registry in REGISTRIES.items():
        lines.append(f"[{role}]")
        for family in scraped(registry).values():
            lines += shape_of(family)
    golden("metrics.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("role", REGISTRIES)
def test_an_idle_process_shows_the_same_metrics(role: str) -> None:
    full, empty = scraped(REGISTRIES[role]), scraped(EMPTY[role])
    assert [(each.name, each.type) for each in full.values()] == [
        (each.name, each.type) for each in empty.values()
    ]


def numbers(value: object) -> Iterator[float]:
    """The numbers in the values of a role, but for those of histograms, which are shown as sums."""
    if isinstance(value, Histogram):
        return
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers(getattr(value, field.name))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


@pytest.mark.parametrize(
    ("role", "values"), [("resolver", RESOLVER), ("control", CONTROL), ("web", API), ("block", BLOCK)]
)
def test_every_metric_shows_its_own_value(role: str, values: object) -> None:
    """Each number is there as often as it was given: none in place of another."""
    given = Counter(each for each in numbers(values) if each > 100)
    shown = Counter(
        sample.value for family in scraped(REGISTRIES[role]).values() for sample in family.samples
    )
    assert {each: shown[each] for each in given if shown[each] != given[each]} == {}


def test_a_histogram_shows_buckets_that_add_up_with_its_sum_and_count() -> None:
    family = scraped(REGISTRIES["resolver"])["filterd_response_seconds"]
    assert [each.value for each in family.samples if each.labels["path"] == "fast"] == [2, 3, 4, 4, 4, 2.7]


def test_an_observation_counts_in_the_first_bucket_that_holds_it() -> None:
    made = observed(0.5, 0.50001, 2.0, 2.1)
    assert made.counts == [1, 1, 1, 1]
    assert made.sum == 0.5 + 0.50001 + 2.0 + 2.1
    assert made.buckets() == [("0.5", 1.0), ("1.0", 2.0), ("2.0", 3.0), ("+Inf", 4.0)]
