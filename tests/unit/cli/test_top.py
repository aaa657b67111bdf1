"""The page of ``filterd top``: fits 80 columns, says in words all that its style says, and keeps its form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from filterd.cli.top_page import WIDTH, page, rows_for
from filterd.operations.top.attention import Attention, of_control, of_resolver
from filterd.operations.top.change import Change
from filterd.operations.top.figures import control_figures, resolver_figures
from filterd.operations.top.observer import Look
from filterd.operations.top.scrape import Scrape, Series
from filterd.telemetry.crash_metrics import CrashMetrics
from filterd.telemetry.fast_metrics import FastPathMetrics
from filterd.telemetry.feed_metrics import FeedMetrics
from filterd.telemetry.histogram import Histogram
from filterd.telemetry.metrics import (
    ControlMetrics,
    MetricsRegistry,
    ResolverMetrics,
    control_registry,
    resolver_registry,
)
from filterd.telemetry.upstream_metrics import UpstreamMetrics

LONG = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:853"


def scraped(registry: MetricsRegistry, at: float) -> Scrape:
    """The samples of a role, without a socket between."""
    values: dict[Series, float] = {}
    for family in registry.collect():
        for sample in family.samples:
            values[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return Scrape(at, values)


def resolver(times: int, **changes: Any) -> ResolverMetrics:
    """Counters at this many times their size."""
    return ResolverMetrics(
        **{
            "queries": {"udp": 12_345 * times, "tcp": 67 * times},
            "verdicts": {
                ("pass", "none"): 9_000 * times,
                ("block", "category"): 900 * times,
                **{("block", f"reason-{number}"): times for number in range(20)},
            },
            "responses": {"fast": Histogram((0.001, 0.005, 1.0), [990 * times, 5 * times, 5 * times, 0])},
            "drops": {"short": 3 * times},
            "rate_limited": {("truncated", "32"): 5 * times},
            "cache_lookups": {"hit": 900 * times, "miss": 90 * times, "stale": 9 * times, "prefetch": times},
            "upstream_queries": {
                ("192.0.2.53:53", "answered"): 80 * times,
                ("192.0.2.53:53", "hedge"): 7 * times,
                (LONG, "timeout"): 4 * times,
            },
            "upstreams": {
                "192.0.2.53:53": UpstreamMetrics(up=True, looping=False, latency=0.0123, outstanding=4),
                LONG: UpstreamMetrics(up=False, looping=False, latency=0.0, outstanding=0),
            },
            "snapshot_digest": "ab" * 32,
            "snapshot_generation": 17,
            "parts_ready": {"mandatory": True, "lines": True, "bindings": True},
            "lines": 51_234,
            "overlay_entries": 12,
            "revision_lag": 0.2,
            "control_connected": True,
            "tcp_connections": 8,
            "fast": FastPathMetrics(threads=2, datagrams=12_345 * times, punts={"forward": 20 * times}),
            **changes,
        }
    )


def control(**changes: Any) -> ControlMetrics:
    """Control with two feeds."""
    feeds = {each: FeedMetrics(10, 1.0, quarantined=False) for each in ("one", "two")}
    return ControlMetrics(
        **{
            "feeds": feeds,
            "orders": {"accepted": 4, "pending": 0},
            "subscribers": {"opted_in": 30, "not_opted_in": 70},
            **changes,
        }
    )


def _registry(values: ResolverMetrics) -> MetricsRegistry:
    return resolver_registry(lambda: values)


def look(before: ResolverMetrics, after: ResolverMetrics, beside: ControlMetrics | None = None) -> Look:
    """Two seconds of a machine."""
    pages = [scraped(_registry(each), at) for at, each in ((1, before), (3, after))]
    now = resolver_figures(Change(*pages))
    found = None
    if beside is not None:
        one = scraped(control_registry(lambda: beside), 1)
        found = control_figures(Change(one, one))
    attention = (*of_resolver(now), *(of_control(found) if found else ()))
    return Look(1_800_000_000.0, 2.0, now, found, None, None, attention)


def text(found: Look, rows: int = 5) -> str:
    return "\n".join(line.text for line in page(found, "resolver-1", rows=rows)) + "\n"


TROUBLE = {
    "parts_ready": {"mandatory": True, "lines": False},
    "other_history": True,
    "kept_orders": 2,
    "not_durable": 3,
    "unknown_profiles": 1,
    "control_connected": False,
    "listen_addresses": {"present": 1, "absent": 1},
    "crashes": CrashMetrics(reduced=True),
    "upstreams": {"192.0.2.53:53": UpstreamMetrics(up=False, looping=True, latency=0.0, outstanding=900)},
}


def test_the_page_in_order_and_in_trouble(golden: Callable[[str, str], None]) -> None:
    good = look(resolver(1), resolver(2), control())
    damage = control(orders={"pending": 2, "quarantined": 1}, rows_damaged=1)
    bad = look(resolver(5), resolver(2, **TROUBLE), damage)
    away = Attention("resolver does not answer at 127.0.0.1:9353: connection refused", "see whether it runs")
    nobody = Look(1_800_000_000.0, 0.0, None, None, away, None, ())
    first = Look(1_800_000_000.0, 0.0, None, None, None, None, ())
    golden("top.txt", "\n----\n".join(text(each) for each in (good, bad, nobody, first)))


def test_no_line_of_figures_is_wider_than_80_characters() -> None:
    for scale in (1, 1000, 10**5):
        for line in page(look(resolver(scale), resolver(2 * scale), control()), "n" * 40, rows=40):
            assert len(line.text) <= WIDTH, line.text


def test_a_quiet_resolver_divides_by_nothing() -> None:
    shown = text(look(resolver(1), resolver(1)))
    assert "no answers in this time" in shown
    assert "half within -" in shown


def test_a_small_terminal_shows_fewer_rows_and_says_so() -> None:
    assert rows_for(10) == rows_for(24) < rows_for(60)
    assert "and 17 more" in text(look(resolver(1), resolver(2)), rows=5)


def test_style_repeats_a_word_and_says_nothing_alone() -> None:
    lines = page(look(resolver(5), resolver(2, **TROUBLE)), "node", rows=5)
    assert all(line.text.startswith("!") for line in lines[1:] if line.style == "bold")
    assert {line.style for line in lines} <= {"", "bold", "dim", "reverse"}


def test_once_without_a_resolver_says_what_to_do(installation: Path, run: Callable[..., Result]) -> None:
    for arguments in (("--once",), ("--once", "--json")):
        done = run("top", *arguments)
        assert done.exit_code == 1
        assert done.stdout == ""
        assert "resolver does not answer at" in done.stderr
        assert "what to do: see whether it runs: systemctl status filterd-resolver" in done.stderr


@pytest.mark.parametrize("interval", ["0", "-1", "soon", "1e9"])
def test_intervals_that_are_none(run: Callable[..., Result], interval: str) -> None:
    assert run("top", "--interval", interval).exit_code == 2
