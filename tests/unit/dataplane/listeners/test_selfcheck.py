"""The resolver asks itself, over real sockets on loopback: who is heard, and what a silent one leads to."""

from __future__ import annotations

import asyncio

import pytest

from filterd.dataplane.listeners.connection_table import ConnectionLimits
from filterd.dataplane.listeners.selfquery_sockets import ASKED_OF_ONE
from filterd.dataplane.listeners.thread_liveness import STUCK_SECONDS
from tests.worlds.selfcheck import SelfWorld, self_world

TURNS = int(STUCK_SECONDS)


def check_answered(world: SelfWorld) -> None:
    """Self-queries are answered. On a busy machine one may come too late; a refusal would meet them all."""
    for outcomes in (world.outcomes("fast"), world.outcomes("tcp")):
        assert outcomes["answered"] > 2 * outcomes.get("unanswered", 0)


@pytest.mark.parametrize("fronts", [[], ["127.0.0.0/8", "::1/128"]], ids=["direct", "proxied"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0", "::"])
async def test_every_thread_and_tcp_answer_though_nobody_may_ask_and_nothing_is_ready(
    address: str, fronts: list[str]
) -> None:
    async with self_world(3, [address], fronts) as world:
        await world.until(lambda: world.check.settled)
        await world.until(lambda: world.outcomes("tcp").get("answered", 0) >= 2 * ASKED_OF_ONE)
        assert world.check.lives
        assert world.check.troubles() == []
        check_answered(world)
        check_uncounted(world)


def check_uncounted(world: SelfWorld) -> None:
    """No metric of clients' queries moves."""
    counts = world.packets.counts()
    assert counts["queries"] == {"udp": 0, "tcp": 0}
    assert not any(counts["drops"].values())
    fast = world.fast.counts()
    assert sum(each.datagrams - each.self_queries for each in fast) == 0
    assert not any(sum(each.times) or any(each.drops.values()) for each in fast)
    assert len(world.service.connections) == 0
    assert not world.service.connections.ended


async def test_a_thread_that_stops_is_told_apart_from_the_others() -> None:
    async with self_world(3) as world:
        await world.until(lambda: world.check.settled)
        world.stop(1)
        await world.turn()
        for _ in range(TURNS):
            assert world.check.troubles() == []
            await world.turn()
        await world.turn()
        assert world.check.troubles() == ["thread fast-1 is stuck"]
        assert not world.check.lives
        assert world.check.threads_stuck == 1
        assert [fields["part"] for event, fields in world.told.events if "is stuck" in event] == ["fast-1"]
        assert world.outcomes("fast")["unanswered"] >= TURNS


async def test_a_thread_that_was_never_heard_is_stuck_too() -> None:
    async with self_world(2) as world:
        world.stop(0)
        for _ in range(TURNS + 2):
            await world.turn()
        assert not world.check.lives
        assert world.check.troubles() == ["thread fast-0 is stuck"]


async def test_a_machine_that_was_suspended_has_heard_nothing_and_missed_nothing() -> None:
    async with self_world(2) as world:
        await world.until(lambda: world.check.settled)
        world.stop(1)
        await world.turn()
        await world.turn(3600.0)
        assert world.check.troubles() == []


async def test_when_the_group_of_sockets_changes_new_ways_are_found() -> None:
    async with self_world(3, ["127.0.0.1", "::1"]) as world:
        await world.until(lambda: world.check.settled)
        for each in world.addresses._addresses:
            each.close()
            each.check()
        for _ in range(TURNS + 2):
            await world.turn()
        assert world.check.lives
        before = world.outcomes("fast")["answered"]
        await world.until(lambda: world.outcomes("fast")["answered"] > before)


async def test_an_address_that_is_not_there_is_not_asked() -> None:
    async with self_world(2, ["127.0.0.1", "192.0.2.1"]) as world:
        await world.until(lambda: world.check.settled)
        for _ in range(2 * TURNS):
            await world.turn()
        assert world.check.lives
        check_answered(world)


async def test_without_any_address_the_threads_are_watched_by_their_turns() -> None:
    async with self_world(2, ["192.0.2.1"]) as world:
        await world.until(lambda: world.check.lives)
        assert world.check.counts.total() == 0
        world.stop(1)
        for _ in range(TURNS + 1):
            await world.turn()
        assert "thread fast-1 is stuck" in world.check.troubles()


async def test_tcp_that_accepts_nobody_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    async with self_world(1) as world:
        await world.until(lambda: "answered" in world.outcomes("tcp"))
        (address,) = world.addresses._addresses
        assert address._listeners is not None
        asyncio.get_running_loop().remove_reader(address._listeners[1]._socket)
        world.check._tcp_asker.close()
        for _ in range(TURNS + 2):
            await world.turn()
        assert world.check.troubles() == ["TCP is stuck"]
        world.service.shortages["files"] += 1
        await world.turn()
        assert world.check.troubles() == [], "it looks for a client, and the system has none to spare"


async def test_our_connection_is_outside_of_clients_limits() -> None:
    async with self_world(1, limits=ConnectionLimits(connections=0)) as world:
        await world.until(lambda: "answered" in world.outcomes("tcp"))
        assert not world.service.connections.ended


async def test_whoever_has_no_socket_of_ours_is_a_client() -> None:
    async with self_world(1, limits=ConnectionLimits(connections=1)) as world:
        await world.until(lambda: "answered" in world.outcomes("tcp"))
        (target,) = [each for each in world.addresses.self_query_targets() if each is not None]
        _, writer = await asyncio.open_connection(str(target.address), target.port)
        async with asyncio.timeout(5):
            while not len(world.service.connections):
                await asyncio.sleep(0.01)
        writer.close()
        assert world.service.self_connections is not None
        assert len(world.service.self_connections.connections) == 1


async def test_all_sockets_are_closed_at_the_end() -> None:
    async with self_world(3) as world:
        await world.until(lambda: world.check.settled)
        opened = [each for asker in world.check._udp_askers.values() for each in asker._known.values()]
    assert len(opened) == 3
    assert all(each.fileno() == -1 for each in opened)
    assert not world.check._tcp_asker.is_open
