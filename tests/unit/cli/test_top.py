"""The page of ``filterd top``: its figures, its width of 80 columns, and words for what its style says."""

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


def in_order() -> Look:
    """A resolver and control without any trouble."""
    return look(resolver(1), resolver(2), control())


def in_trouble() -> Look:
    """A resolver that began anew with everything wrong, and control with damage and orders that wait."""
    damage = control(orders={"pending": 2, "quarantined": 1}, rows_damaged=1)
    return look(resolver(5), resolver(2, **TROUBLE), damage)


def figures(found: Look) -> dict[str, str]:
    """The first word of each line of the page, and the rest of the line with single spaces."""
    return dict(" ".join(line.split()).partition(" ")[::2] for line in text(found).splitlines())


def test_the_page_shows_the_figures() -> None:
    shown = figures(in_order())
    assert shown["filterd"] == "top resolver-1 2027-01-15T08:00:00Z"
    assert shown["queries"].startswith("6,206/s udp 6,172 tcp 34")
    assert shown["answered"].startswith("half within 1 ms 99 % within 1 ms")
    assert shown["cache"] == "hit 90.0 % miss 9.0 % stale 0.9 % prefetch 0.1 %"
    assert shown["punts"].startswith("10/s (0.2 % of the datagrams)")
    assert shown["turned"] == "away dropped 1.5/s rate limited 2.5/s"
    assert shown["open"] == "TCP connections 8 threads 2"
    assert shown["block"] == "reason-10 0.5 0.0 %"
    assert "pass        none                               4,500    90.7 %\n" in text(in_order())
    assert shown["192.0.2.53:53"] == "up 40 0.0 4 12.3 ms"
    assert shown["rests"] == "0.0 2.0 0 -"
    assert shown["node"] == "ready 0.2 s behind the store lines 51,234"
    assert shown["snapshot"] == "abababababab generation 17 entries newer than it 12"
    assert shown["control"] == "feeds 2 lines opted in 30 of 100"
    assert shown["orders"] == "4 accepted"
    assert "!" not in text(in_order())


def test_each_trouble_is_told_with_a_remedy() -> None:
    lines = text(in_trouble()).splitlines()
    told = [number for number, line in enumerate(lines) if line.startswith("! ")]
    assert len(told) == 13
    assert all(lines[number + 1].startswith("    ") for number in told)
    shown = figures(in_trouble())
    assert shown["192.0.2.53:53"] == "loops 80 0.0 900 -"
    assert shown["node"].startswith("not ready: lines ")
    assert shown["orders"] == "2 pending, 1 quarantined"


def test_the_page_without_rates() -> None:
    head = "filterd top  resolver-1  2027-01-15T08:00:00Z\n"
    away = Attention("resolver does not answer at 127.0.0.1:9353: connection refused", "see whether it runs")
    nobody = Look(1_800_000_000.0, 0.0, None, None, away, None, ())
    assert text(nobody) == f"{head}! {away.message}\n    {away.remedy}\n"
    first = Look(1_800_000_000.0, 0.0, None, None, None, None, ())
    assert text(first) == f"{head}the resolver answers; rates follow with the next reading\n"


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
