"""What is popular and nearly over is asked for again by the thread that has it, for the cache alone."""

from __future__ import annotations

from collections.abc import Callable

import dns.flags
import dns.message
import pytest

from filterd.dataplane.fast.punts import PuntReason
from tests.worlds.miss import (
    CHILD,
    MAPPED,
    SILENCE,
    Client,
    Misses,
    Upstream,
    addresses,
    failing,
    good,
    reply,
)

NAME = "www.example.org"
WIRE = b"\3www\7example\3org\0"
TTL = 600_000_000
"""of the answers that ``good`` makes, in microseconds"""


@pytest.fixture
def client(world: Misses, upstream: Upstream) -> Client:
    """One that has asked for the name more than once; its answer is over in a second."""
    made = world.client()
    world.ask(made, NAME)
    world.exchange(upstream, good)
    assert world.ask(made, NAME) == "answered"
    world.turn(TTL - 1_000_000)
    made.answers.clear()
    return made


def test_the_upstream_is_asked_again_and_the_cache_has_what_it_says(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    assert world.ask(client, NAME) == "answered"
    assert client.answer().answer[0].ttl == 1
    world.exchange(upstream, lambda query: good(query, "192.0.2.81"))
    assert client.nothing(), "it was answered already"
    assert world.ask(client, NAME) == "answered"
    renewed = client.answer()
    assert (addresses(renewed), renewed.answer[0].ttl) == (["192.0.2.81"], 600)
    assert upstream.all_asked() == []
    assert world.counts() | {"asked": 1, "renewed": 1, "asking": 0, "waiting": 0} == world.counts()
    assert world.punted() == []


def test_the_query_has_an_id_a_port_and_a_letter_case_of_its_own(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    """As hard to forge as any other: it is believed for as long."""
    seen = set()
    for _ in range(8):
        world.ask(client, NAME)
        query, source = upstream.asked()
        assert query[12 : 12 + len(WIRE)].lower() == WIRE
        seen.add((query[:2], source[1], query[12 : 12 + len(WIRE)]))
        upstream.send(good(query), source)
        world.turn(wait=True)
        assert world.ask(client, NAME) == "answered"
        world.turn(TTL - 1_000_000)
    assert len(seen) == 8
    assert len({port for _, port, _ in seen}) > 1


def test_it_is_asked_once_for_all_who_get_the_old_answer(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    for each in (client, world.client(CHILD), client):
        assert world.ask(each, NAME) == "answered"
    assert len(upstream.all_asked()) == 1


def test_who_comes_when_the_old_answer_is_over_waits_for_the_same_query(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    """And gets an answer of their own line: for the child the new address is blocked."""
    child, late = world.client(CHILD), world.client()
    world.turn(700_000)
    assert world.ask(client, NAME) == "answered"
    client.answers.clear()
    world.turn(350_000)
    assert world.ask(child, NAME) == world.ask(late, NAME) == "waits"
    query, source = upstream.asked()
    assert upstream.all_asked() == []
    upstream.send(good(query, "192.0.2.66"), source)
    world.turn(wait=True)
    assert addresses(late.answer()) == ["192.0.2.66"]
    assert addresses(child.answer()) == []
    assert client.nothing()


@pytest.mark.parametrize("make", [failing(2), failing(5), lambda query: good(query)[:-14]])
def test_what_the_upstream_cannot_answer_is_the_slow_paths(
    world: Misses, upstream: Upstream, client: Client, make: Callable[[bytes], bytes]
) -> None:
    world.ask(client, NAME)
    world.exchange(upstream, make)
    assert world.punted() == [(PuntReason.REFRESH, WIRE, client.address)]
    client.answers.clear()
    assert world.ask(client, NAME) == "answered", "the old answer holds until it is over"


def test_a_cut_answer_is_the_slow_paths(world: Misses, upstream: Upstream, client: Client) -> None:
    def cut(query: bytes) -> bytes:
        message = reply(query)
        message.flags |= dns.flags.TC
        return message.to_wire()

    world.ask(client, NAME)
    world.exchange(upstream, cut)
    assert [reason for reason, *_ in world.punted()] == [PuntReason.REFRESH]


def test_silence_is_the_slow_paths(world: Misses, upstream: Upstream, client: Client) -> None:
    world.ask(client, NAME)
    world.turn(SILENCE)
    assert [reason for reason, *_ in world.punted()] == [PuntReason.REFRESH]
    assert world.counts() | {"asking": 0, "waiting": 0} == world.counts()


def test_of_an_upstream_that_fails_who_waits_and_who_does_not_are_told_apart(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    late = world.client(CHILD)
    world.turn(700_000)
    world.ask(client, NAME)
    world.turn(350_000)
    assert world.ask(late, NAME) == "waits"
    world.exchange(upstream, failing(2))
    assert world.punted() == [
        (PuntReason.REFRESH, WIRE, client.address),
        (PuntReason.UNANSWERED, WIRE, late.address),
    ]


def test_without_a_route_it_is_the_slow_paths(world: Misses, client: Client) -> None:
    world.routes.publish([])
    assert world.ask(client, NAME) == "answered"
    assert [reason for reason, *_ in world.punted()] == [PuntReason.REFRESH]


def test_for_nobody_nothing_is_asked_while_there_is_much_to_do_for_those_who_wait(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    for number in range(1024):
        crowd = world.client(MAPPED + bytes([127, 0, 2, number % 200 + 1]))
        assert world.take(crowd, f"n{number}.example.org") == "waits"
    assert world.ask(client, NAME) == "answered"
    assert world.counts() | {"asking": 1024, "renewed": 0} == world.counts()
    assert world.punted() == []
