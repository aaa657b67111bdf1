"""The figures of ``filterd top``: rates of two scrapes, restarts, strange pages, and what wants attention."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from filterd.config.load import from_value
from filterd.config.value_types import Endpoint, parse_endpoint
from filterd.operations.top.change import Change, Quantile
from filterd.operations.top.figures import resolver_figures
from filterd.operations.top.observer import Observer
from filterd.operations.top.scrape import Scrape, ScrapeError, Series, read_page
from filterd.telemetry.http import HttpReply, HttpServer
from filterd.telemetry.metrics import ControlMetrics, ResolverMetrics, control_registry, resolver_registry


def scrape(at: float, **values: float) -> Scrape:
    """A scrape of counters with one label each: ``udp=3`` is queries by transport."""
    found: dict[Series, float] = {
        ("filterd_queries_total", (("transport", word),)): value for word, value in values.items()
    }
    return Scrape(at, found)


def test_a_rate_is_growth_by_the_seconds_between() -> None:
    change = Change(scrape(10, udp=100, tcp=5), scrape(12, udp=300, tcp=5, dot=4))
    assert not change.restarted
    assert change.by("filterd_queries_total", "transport") == {"udp": 100, "dot": 2}
    assert change.rate("filterd_queries_total") == 102
    assert change.grown("filterd_queries_total") == 204


@pytest.mark.parametrize("after", [{"udp": 40, "tcp": 10}, {"udp": 40}])
def test_counters_that_fell_or_went_began_anew(after: dict[str, float]) -> None:
    change = Change(scrape(10, udp=100, tcp=5), scrape(12, **after))
    assert change.restarted
    assert change.by("filterd_queries_total", "transport")["udp"] == 20, "as much as it has counted since"


def test_a_gauge_may_fall() -> None:
    before = Scrape(1, {("filterd_node_lines", ()): 5.0})
    after = Scrape(2, {("filterd_node_lines", ()): 3.0})
    change = Change(before, after)
    assert not change.restarted
    assert change.gauge("filterd_node_lines") == 3


def histogram(at: float, **buckets: float) -> Scrape:
    """Cumulative counts of one path: ``b1=3`` is le="1"; ``inf`` is all."""
    values: dict[Series, float] = {
        ("seconds_bucket", (("le", "+Inf" if word == "inf" else word[1:]), ("path", "fast"))): count
        for word, count in buckets.items()
    }
    return Scrape(at, values)


def test_quantiles_are_bounds_of_this_interval_alone() -> None:
    before = histogram(0, b1=1000, b2=1000, b5=1000, inf=1000)
    change = Change(before, histogram(1, b1=1050, b2=1098, b5=1099, inf=1100))
    assert change.quantile("seconds", 0.5) == Quantile(1)
    assert change.quantile("seconds", 0.98) == Quantile(2)
    assert change.quantile("seconds", 0.99) == Quantile(5)
    assert change.quantile("seconds", 1) == Quantile(5, above=True)
    assert Change(before, before).quantile("seconds", 0.5) is None


def resolver_page(values: ResolverMetrics | None = None) -> bytes:
    """The page of a resolver with these values."""
    return resolver_registry(lambda: values or ResolverMetrics()).exposition()


@contextlib.contextmanager
def served(*bodies: bytes, status: HTTPStatus = HTTPStatus.OK) -> Iterator[Endpoint]:
    """A page that says these bodies, one a request, the last for ever."""
    left = list(bodies)

    def reply() -> HttpReply:
        return HttpReply(left.pop(0) if len(left) > 1 else left[0], status)

    server = HttpServer("127.0.0.1", 0, {"/metrics": reply})
    server.start()
    try:
        yield parse_endpoint(f"127.0.0.1:{server.port}")
    finally:
        server.stop()


def test_a_real_page_becomes_figures() -> None:
    """Through the exposition that the resolver makes, and its parser."""
    first = resolver_page(
        ResolverMetrics(
            verdicts={("pass", "none"): 10, ("block", "mandatory"): 1},
            upstream_queries={("192.0.2.53:53", "answered"): 5, ("192.0.2.53:53", "timeout"): 1},
        )
    )
    second = resolver_page(
        ResolverMetrics(
            verdicts={("pass", "none"): 30, ("block", "mandatory"): 5},
            upstream_queries={("192.0.2.53:53", "answered"): 9, ("192.0.2.53:53", "timeout"): 3},
            parts_ready={"mandatory": True, "lines": False},
            snapshot_digest="ab" * 32,
        )
    )
    with served(first, second) as endpoint:
        change = Change(read_page("resolver", endpoint, 1.0), read_page("resolver", endpoint, 3.0))
    found = resolver_figures(change)
    assert [(each.verdict, each.rate) for each in found.verdicts] == [("pass", 10), ("block", 2)]
    assert found.node.ready == {"mandatory": True, "lines": False}
    assert found.node.snapshot == "ab" * 32
    assert found.upstreams == (), "an upstream without its gauges is configured no more"


def test_pages_that_are_not_filterds() -> None:
    control = control_registry(ControlMetrics).exposition()
    for body in (b"<html>", b"", b"go_info 1\n", b'x{a="', b"filterd_build_info x\n", control, b"\xff"):
        with served(body) as endpoint, pytest.raises(ScrapeError, match="not with the metrics") as caught:
            read_page("resolver", endpoint, 0.0)
        assert f":{endpoint.port}" in caught.value.remedy
    with (
        served(resolver_page(), status=HTTPStatus.NOT_FOUND) as endpoint,
        pytest.raises(ScrapeError, match="not with the metrics"),
    ):
        read_page("resolver", endpoint, 0.0)


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = parse_endpoint(f"127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(ScrapeError, match=r"does not answer at .*: connection refused") as caught:
            read_page("resolver", endpoint, 0.0)
    assert "filterd-resolver" in caught.value.remedy


def test_somebody_listens_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filterd.operations.top.scrape.WAIT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = parse_endpoint(f"127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ScrapeError, match=r"does not answer at .*: timed out"):
            read_page("resolver", endpoint, 0.0)


def test_somebody_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = parse_endpoint(f"127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=lambda: listener.accept()[0].close())
        thread.start()
        with pytest.raises(ScrapeError, match="does not answer"):
            read_page("resolver", endpoint, 0.0)
        thread.join()


def test_a_listener_on_every_address_is_asked_on_loopback() -> None:
    with served(resolver_page()) as endpoint:
        read_page("resolver", parse_endpoint(f"0.0.0.0:{endpoint.port}"), 0.0)


async def test_rates_begin_anew_after_a_role_was_away(tmp_path: Path) -> None:
    """The process that comes back may be another one."""
    with (
        served(resolver_page()) as resolver,
        served(control_registry(ControlMetrics).exposition()) as control,
    ):
        value = {
            "dns": {"upstreams": ["192.0.2.53"]},
            "metrics": {"listen": str(resolver)},
            "control": {"listen": str(control)},
        }
        now = iter(range(100))
        observer = Observer(
            from_value(value, base=tmp_path), wall=lambda: 7.0, monotonic=lambda: float(next(now))
        )
        first, second = await observer.look(), await observer.look()
    away = await observer.look()
    assert (first.resolver, first.seconds, first.resolver_unreached) == (None, 0.0, None)
    assert second.resolver is not None
    assert second.seconds > 0
    assert [each.remedy for each in second.attention] == ["systemctl status filterd-control"]
    assert away.resolver is None
    assert away.resolver_unreached is not None
    assert away.control_unreached is not None
    assert away.attention == ()
