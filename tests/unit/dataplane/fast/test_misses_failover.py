"""Misses when upstreams fail: who is asked next and when, what the health is told, and what goes to the slow
path.
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable

import pytest

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.upstream.thread_route import ThreadHop
from tests.worlds.miss import (
    CHILD,
    SILENCE,
    START,
    Client,
    Misses,
    Upstream,
    addresses,
    bound,
    failing,
    good,
    reply,
)
from tests.worlds.upstream import referral, with_records


def two(world: Misses) -> tuple[Upstream, Upstream]:
    first, second = world.upstream(), world.upstream()
    world.routes.publish([first.hop(), second.hop()])
    return first, second


def closed_port() -> ThreadHop:
    """Where nobody listens."""
    with bound() as endpoint:
        return Upstream(endpoint).hop()


@pytest.mark.parametrize("rcode", [1, 2, 4, 5, 16])
def test_after_a_failure_the_next_is_asked_at_once(world: Misses, client: Client, rcode: int) -> None:
    first, second = two(world)
    world.ask(client, "www.example.org")
    world.exchange(first, failing(rcode))
    world.exchange(second, good)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert world.report(second).answered == 1
    assert world.punted() == []


@pytest.mark.parametrize(
    "wrong", [referral, with_records(3), with_records(6), failing(9)], ids=["referral", "nx", "yx", "notauth"]
)
def test_after_what_is_no_answer_the_next_is_asked_at_once(
    world: Misses, client: Client, wrong: Callable[[bytes], bytes]
) -> None:
    first, second = two(world)
    world.ask(client, "www.example.org")
    world.exchange(first, wrong)
    world.exchange(second, good)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert (world.report(first).refused, world.report(second).answered) == (1, 1)
    assert world.punted() == []


def test_an_alias_that_leads_nowhere_comes_to_all_who_wait(world: Misses, client: Client) -> None:
    first, _ = two(world)
    other = world.client(CHILD)
    world.ask(client, "www.example.org")
    world.ask(other, "www.example.org")
    world.exchange(first, lambda query: reply(query, "www.example.org. CNAME nothing.example.").to_wire())
    for each in (client, other):
        answer = each.answer()
        assert [rrset.ttl for rrset in answer.answer] == [30]
        assert [int(option.code) for option in answer.options] == [0]


def test_after_the_last_failure_the_slow_path_takes_over(world: Misses, client: Client) -> None:
    first, second = two(world)
    other = world.client(CHILD)
    world.ask(client, "www.example.org")
    world.ask(other, "www.example.org")
    world.exchange(first, failing(2))
    world.exchange(second, failing(5))
    assert [reason for reason, *_ in world.punted()] == [PuntReason.UNANSWERED] * 2
    assert world.counts()["asking"] == world.counts()["waiting"] == 0


def test_after_silence_the_next_is_asked_and_either_may_answer(world: Misses, client: Client) -> None:
    first, second = two(world)
    world.ask(client, "www.example.org")
    query, source = first.asked()
    assert world.turn(SILENCE - 1) == 1
    assert second.all_asked() == []
    world.turn(1)
    again, elsewhere = second.asked()
    assert query[:2] + source[1].to_bytes(2, "big") != again[:2] + elsewhere[1].to_bytes(2, "big")
    assert world.report(first).silent_since == START
    assert world.report(first).timeout == 0  # it may answer yet
    first.send(good(query), source)
    world.turn(100, wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert world.report(first).answered == 1


def test_who_has_just_been_silent_is_asked_after_the_others(world: Misses, client: Client) -> None:
    """The route does not say so yet: a dead upstream costs its silence once."""
    first, second = two(world)
    world.ask(client, "www.example.org")
    query, source = first.asked()
    world.turn(SILENCE)
    world.exchange(second, good)
    client.answer()
    world.ask(client, "www2.example.org")
    world.exchange(second, good)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert first.all_asked() == []
    first.send(good(query), source)
    world.turn(100, wait=True)
    world.ask(client, "www3.example.org")
    first.asked()  # it was heard again


def test_threads_tell_each_other_of_a_silence(world: Misses, client: Client) -> None:
    """Until the route says so, each of them would wait for it once."""
    first, second = two(world)
    world.ask(client, "www.example.org")
    first.asked()
    world.turn(SILENCE)
    world.exchange(second, good)
    client.answer()
    world.use_thread(1)
    world.ask(client, "www2.example.org")
    world.exchange(second, good)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert first.all_asked() == []
    world.turn(SILENCE + 500_000)
    world.ask(client, "www3.example.org")
    first.asked()  # by now the route has it in its place


def test_who_was_overtaken_is_heard_all_the_same(world: Misses, client: Client) -> None:
    first, second = two(world)
    world.ask(client, "www.example.org")
    query, source = first.asked()
    world.turn(SILENCE)
    world.exchange(second, good)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert world.counts()["asking"] == 1
    first.send(good(query, "192.0.2.99"), source)
    world.turn(1000, wait=True)
    report = world.report(first)
    assert (report.heard, report.answered, report.wrong_id) == (1, 1, 0)
    assert report.micros == SILENCE + 1000
    assert world.counts()["asking"] == 0
    assert client.nothing()


def test_who_never_answers_is_counted_once(world: Misses, client: Client) -> None:
    first, second = two(world)
    world.ask(client, "www.example.org")
    world.turn(SILENCE)
    world.exchange(second, good)
    assert world.report(first).timeout == 0
    world.turn(SILENCE)
    assert world.report(first).timeout == 1
    assert world.report(first).outstanding == 0
    assert world.counts()["asking"] == 0
    assert world.turn() is None


def test_silence_of_all_is_the_slow_paths(world: Misses, client: Client) -> None:
    first, second = two(world)
    world.ask(client, "www.example.org")
    world.turn(SILENCE)
    world.turn(SILENCE - 1)
    assert world.punted() == []
    world.turn(1)
    assert [reason for reason, *_ in world.punted()] == [PuntReason.UNANSWERED]
    assert world.report(first).timeout == world.report(second).timeout == 1
    assert world.report(second).silent_since == START + SILENCE
    assert world.turn() is None
    query, source = first.asked()
    first.send(good(query), source)
    world.turn(wait=True)
    assert client.nothing()
    assert (world.report(first).late, world.report(first).wrong_id) == (1, 0)


def test_a_failure_while_another_is_on_its_way_waits_for_that_one(world: Misses, client: Client) -> None:
    first, second = two(world)
    world.ask(client, "www.example.org")
    query, source = first.asked()
    world.turn(SILENCE)
    world.exchange(second, failing(2))
    assert world.punted() == []
    first.send(good(query), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]


def test_more_upstreams_than_are_listened_to_at_one_time(world: Misses, client: Client) -> None:
    """The oldest attempt gives way to the fifth."""
    upstreams = [world.upstream() for _ in range(6)]
    world.routes.publish([each.hop() for each in upstreams])
    world.ask(client, "www.example.org")
    for _ in range(5):
        world.turn(SILENCE)
    assert world.report(upstreams[1]).timeout == 1
    late, source = upstreams[1].asked()
    upstreams[1].send(good(late, "192.0.2.99"), source)
    world.turn(wait=True)
    assert client.nothing()
    late, source = upstreams[2].asked()
    upstreams[2].send(good(late), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]


def test_where_nobody_listens_the_next_is_asked_at_once(world: Misses, client: Client) -> None:
    dead, second = closed_port(), world.upstream()
    world.routes.publish([dead, second.hop()])
    for number in range(20):
        world.ask(client, f"n{number}.example.org")
        world.turn()
        world.exchange(second, good)
        assert addresses(client.answer()) == ["192.0.2.80"]
    report = world.routes.reports()[dead.name]
    assert (report.sent, report.unreachable, report.outstanding) == (20, 20, 0)
    assert report.unreachable_at == START
    assert world.report(second).answered == 20


def test_errors_of_many_queries_lead_each_to_its_own(world: Misses, client: Client) -> None:
    """A batch from few sockets: the error of one is told by the next system call of its socket."""
    dead, second = closed_port(), world.upstream()
    world.routes.publish([dead, second.hop()])
    for number in range(150):
        assert world.take(client, f"n{number}.example.org") == "waits"
    world.turn()
    world.turn()
    queries = second.all_asked()
    assert len({query[12:30].lower() for query, _ in queries}) == 150
    assert world.routes.reports()[dead.name].unreachable == 150
    assert world.report(second).sent == 150


def test_where_nobody_can_be_reached_the_slow_path_takes_over(world: Misses, client: Client) -> None:
    world.routes.publish([closed_port(), closed_port()])
    world.ask(client, "www.example.org")
    world.turn()
    assert [reason for reason, *_ in world.punted()] == [PuntReason.UNANSWERED]


def test_an_address_that_has_no_way_is_unreachable(world: Misses, client: Client) -> None:
    """The system call itself fails: from loopback nothing goes to a multicast group's port 0."""
    nowhere = ThreadHop("240.0.0.1:0", "240.0.0.1", 0, False, True, True, 100)
    second = world.upstream()
    world.routes.publish([nowhere, second.hop()])
    world.ask(client, "www.example.org")
    world.exchange(second, good)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert world.routes.reports()[nowhere.name].unreachable == 1


def test_another_route_does_not_disturb_what_is_on_its_way(world: Misses, client: Client) -> None:
    first, second = two(world)
    third = world.upstream()
    world.ask(client, "www.example.org")
    query, source = first.asked()
    world.routes.publish([third.hop()])
    first.send(good(query), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert world.report(first).answered == 1
    assert second.all_asked() == third.all_asked() == []


def test_after_silence_the_new_route_says_who_is_next(world: Misses, client: Client) -> None:
    first, second = two(world)
    third = world.upstream()
    world.ask(client, "www.example.org")
    world.routes.publish([third.hop(), first.hop(), second.hop()])
    world.turn(SILENCE)
    world.exchange(third, failing(2))
    assert len(first.all_asked()) == 1
    world.exchange(second, good)
    assert addresses(client.answer()) == ["192.0.2.80"]


def test_the_slow_path_takes_over_where_the_route_ends(world: Misses, client: Client) -> None:
    first, _ = two(world)
    world.ask(client, "www.example.org")
    world.routes.publish([])
    world.turn(SILENCE)
    assert [reason for reason, *_ in world.punted()] == [PuntReason.UNANSWERED]
    first.send(b"\0\0", first.asked()[1])
    world.turn(wait=True)  # a stray, with nobody to count it for
    assert world.report(first).wrong_id == 0


@pytest.fixture(scope="module")
def ipv6() -> None:
    try:
        bound("::1").close()
    except OSError:
        pytest.skip("no IPv6 on loopback")


@pytest.mark.usefixtures("ipv6")
def test_an_upstream_over_ipv6(world: Misses, client: Client) -> None:
    first = world.upstream("::1")
    second = world.upstream("::1")
    world.routes.publish([first.hop()])
    world.ask(client, "www.example.org")
    assert world.ports()
    query, source = first.asked()
    second.send(good(query, "192.0.2.99"), source)
    world.turn(wait=True)
    assert client.nothing()
    assert world.report(first).wrong_source == 1
    first.send(good(query), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]


@pytest.mark.usefixtures("ipv6")
def test_nobody_listens_over_ipv6(world: Misses, client: Client) -> None:
    with bound("::1") as endpoint:
        dead = Upstream(endpoint).hop()
    second = world.upstream()
    world.routes.publish([dead, second.hop()])
    world.ask(client, "www.example.org")
    world.turn()
    world.exchange(second, good)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert {family for family, _ in world.ports()} == {socket.AF_INET, socket.AF_INET6}
    assert world.routes.reports()[dead.name].unreachable == 1


def test_without_sockets_the_slow_path_takes_over(world: Misses, client: Client) -> None:
    upstream = world.upstream()
    world.routes.publish([upstream.hop()])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno() + 1, hard))
        try:
            assert world.ask(client, "www.example.org") is PuntReason.FORWARD
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert world.ports() == set()
    assert world.ask(client, "www.example.org") is PuntReason.FORWARD
    world.turn(1_000_000)
    assert world.ask(client, "www.example.org") == "waits"
    world.exchange(upstream, good)
    assert addresses(client.answer()) == ["192.0.2.80"]


def test_failures_are_not_cached(world: Misses, client: Client) -> None:
    """That is for the slow path, when it has tried everything."""
    first, second = two(world)
    world.ask(client, "www.example.org")
    world.exchange(first, failing(2))
    world.exchange(second, failing(2))
    world.punted()
    assert world.ask(client, "www.example.org") == "waits"
    world.exchange(first, lambda query: reply(query, rcode=3).to_wire())
    assert client.answer().rcode() == 3
