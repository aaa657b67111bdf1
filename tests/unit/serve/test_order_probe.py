"""The test of orders over DNS: asked for when they come and go, and judged by the answers alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from filterd.model.mandatory import order_id
from filterd.model.order_times import OrderArrival, ProbeState
from filterd.policy.canary import order_canary
from filterd.serve.canary_probe import NameAsker, ProbeTarget
from filterd.serve.order_probe import AGAIN_SECONDS, NOT_NAMED, NOT_SERVED, OrderProbe
from tests.unit.serve.test_canary_probe import DENIED, HERE, SERVED, Upstreams, reply
from tests.worlds.dns_answers import address, message

KEY = bytes(16)
ZONE = "canary.example"
CAME = OrderArrival("O-1", 5, active=True, at=10.0)
WENT = OrderArrival("O-1", 6, active=False, at=20.0)


def blocked(query: bytes) -> bytes | None:
    """Extended error 16."""
    return reply(query, "NXDOMAIN", 16)


def answered(query: bytes) -> bytes | None:
    """The name's address."""
    return query[:2] + message(address("192.0.2.1"))[2:]


def silent(query: bytes) -> bytes | None:
    """No answer."""
    del query
    return None


class World:
    """A node whose listener answers as the test says."""

    def __init__(self) -> None:
        self.answer: Callable[[bytes], bytes | None] = blocked
        self.upstreams = Upstreams(SERVED)
        self.arrivals: tuple[OrderArrival, ...] = (CAME,)
        self.named = {order_id(1): b""}
        self.zone = ZONE
        self.ticks = 30.0
        self.asked: list[bytes] = []
        self.gate: asyncio.Event | None = None
        asker = NameAsker(lambda: [HERE], self.upstreams, self._exchange)
        self.probe = OrderProbe(
            lambda: self.arrivals,
            lambda: self.named,
            asker,
            lambda: (self.zone, KEY),
            lambda: self.ticks,
        )

    async def _exchange(self, _: ProbeTarget, query: bytes) -> bytes | None:
        self.asked.append(query)
        if self.gate is not None:
            await self.gate.wait()
        return self.answer(query)

    async def turns(self, count: int = 1) -> list[tuple[ProbeState, str]]:
        """What is told after so many turns, each late enough for another test."""
        for _ in range(count):
            await self.probe.turn()
            self.ticks += max(AGAIN_SECONDS)
        return [(each.probe, each.reason) for each in self.probe.told()]


@pytest.fixture
def world() -> World:
    """An order that came, and is blocked."""
    return World()


async def test_an_order_that_came_is_seen_once(world: World) -> None:
    assert await world.turns(3) == [(ProbeState.SEEN, "")]
    assert (len(world.asked), world.upstreams.asked) == (1, ["o-1.canary.example"])
    assert [each.probed_at for each in world.probe.told()] == [30.0]


async def test_an_order_that_went_is_seen_by_its_address(world: World) -> None:
    world.arrivals, world.answer = (CAME, WENT), answered
    assert await world.turns() == [(ProbeState.NONE, ""), (ProbeState.SEEN, "")]


@pytest.mark.parametrize(
    ("arrival", "answer", "state", "reason"),
    [
        (CAME, answered, ProbeState.CONTRARY, "127.0.0.1:5300: answered without extended error 16"),
        (WENT, blocked, ProbeState.CONTRARY, "127.0.0.1:5300: answered with extended error 16"),
        (CAME, silent, ProbeState.UNJUDGED, "127.0.0.1:5300: no answer"),
        (WENT, lambda query: reply(query), ProbeState.UNJUDGED, f"127.0.0.1:5300: {NOT_SERVED}"),
    ],
)
async def test_what_is_seen_otherwise_is_told_once_it_is_seen_twice(
    world: World,
    arrival: OrderArrival,
    answer: Callable[[bytes], bytes | None],
    state: ProbeState,
    reason: str,
) -> None:
    world.arrivals, world.answer = (arrival,), answer
    assert await world.turns(1) == [(ProbeState.NONE, "")]
    assert await world.turns(1) == [(state, reason)]


async def test_a_test_is_made_again_until_it_sees_the_effect_or_has_ended(world: World) -> None:
    world.answer = answered
    await world.turns(100)
    assert len(world.asked) == len(AGAIN_SECONDS) + 1
    world.arrivals = (replace(CAME, at=11.0),)
    await world.turns(2)
    world.answer = blocked
    assert await world.turns(1) == [(ProbeState.SEEN, "")]


async def test_a_name_that_is_not_served_proves_nothing_by_being_blocked(world: World) -> None:
    world.upstreams.answer = DENIED
    assert await world.turns(2) == [(ProbeState.UNJUDGED, NOT_SERVED)]


async def test_an_order_without_a_canary_in_force_is_not_held_against_the_node(world: World) -> None:
    world.named = {}
    assert await world.turns(2) == [(ProbeState.UNJUDGED, NOT_NAMED)]
    assert world.asked == []


async def test_nothing_is_asked_for_without_a_zone(world: World) -> None:
    world.zone = ""
    assert await world.turns(2) == [(ProbeState.NONE, "")]
    assert world.asked == []


async def test_a_withdrawal_while_a_test_runs_makes_it_worth_nothing(world: World) -> None:
    world.gate = asyncio.Event()
    running = asyncio.create_task(world.probe.turn())
    while not world.asked:
        await asyncio.sleep(0)
    world.arrivals = (CAME, WENT)
    world.gate.set()
    await running
    assert [each.probe for each in world.probe.told()] == [ProbeState.NONE, ProbeState.NONE]


def test_a_confidential_order_has_a_name_that_only_the_key_leads_to() -> None:
    one = order_canary("O-1", ZONE, KEY, confidential=True)
    assert one != order_canary("O-1", ZONE, bytes(15) + b"1", confidential=True)
    assert one != order_canary("O-2", ZONE, KEY, confidential=True)
    assert "o-1" not in one
