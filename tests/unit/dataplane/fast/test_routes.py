"""What threads are shown of the upstreams, and where their counts go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.upstream.forward_types import ForwardOutcome
from filterd.dataplane.upstream.thread_route import RouteReport, ThreadHop
from tests.worlds.miss import Misses, addresses, good, misses


@pytest.fixture
def world() -> Iterator[Misses]:
    with misses(threads=3) as made:
        yield made


def hop(number: int, outstanding: int = 100) -> ThreadHop:
    host = f"192.0.2.{number % 250}"
    return ThreadHop(f"{host}:{number}", host, number, False, True, True, outstanding)


def test_nothing_is_known_of_nobody() -> None:
    assert Routes(1).reports() == {}
    assert Routes(0).threads == 1


def test_the_first_sixteen_are_shown_and_have_numbers_for_ever(world: Misses) -> None:
    upstream = world.upstream()
    world.routes.publish([hop(number) for number in range(1, 17)] + [upstream.hop()])
    assert len(world.routes.reports()) == 16
    world.routes.publish([upstream.hop()])
    assert len(world.routes.reports()) == 17
    client = world.client()
    world.ask(client, "www.example.org")
    world.exchange(upstream, good)
    world.routes.publish([hop(1)])
    assert world.report(upstream).answered == 1
    assert world.report(upstream).outcomes() == {ForwardOutcome.ANSWERED: 1}


def test_a_process_that_had_too_many_upstreams_asks_others_on_the_slow_path(world: Misses) -> None:
    for start in range(1, 257, 16):
        world.routes.publish([hop(number) for number in range(start, start + 16)])
    first, upstream = world.upstream(), world.upstream()
    world.routes.publish([upstream.hop(), first.hop()])
    assert len(world.routes.reports()) == 256
    assert upstream.name not in world.routes.reports()
    assert world.ask(world.client(), "www.example.org") != "waits"


def test_an_address_that_is_none_changes_nothing(world: Misses) -> None:
    upstream = world.upstream()
    world.routes.publish([upstream.hop()])
    with pytest.raises(ValueError):
        world.routes.publish([ThreadHop("x", "not an address", 53, False, True, True, 1)])
    client = world.client()
    world.ask(client, "www.example.org")
    world.exchange(upstream, good)
    assert addresses(client.answer()) == ["192.0.2.80"]


def test_threads_share_what_an_upstream_may_have(world: Misses) -> None:
    upstream = world.upstream()
    world.routes.publish([upstream.hop(outstanding=6)])
    client = world.client()
    assert [world.ask(client, f"n{number}.example.org") for number in range(2)] == ["waits", 0]


def test_reports_are_sums_over_the_threads_and_their_latest_times(world: Misses) -> None:
    upstream = world.upstream()
    world.routes.publish([upstream.hop()])
    client = world.client()
    world.ask(client, "www.example.org")
    world.exchange(upstream, good)
    world.use_thread(1)  # the first is gone, and what it counted is not
    world.micros += 1_000_000
    world.ask(client, "other.example.org")
    query, source = upstream.asked()
    upstream.send(good(query), source)
    world.turn(500, wait=True)
    world.ask(client, "third.example.org")
    assert world.report(upstream)._replace(silent_since=0) == RouteReport(
        sent=3,
        answered=2,
        case_kept=2,
        edns_spoken=2,
        heard=2,
        micros=500,
        outstanding=1,
        heard_at=world.micros,
    )
