"""The end of a resolver whose successor answers: what was begun is finished, and no connection is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from filterd.dataplane.listeners.connection_table import ConnectionEnding
from filterd.dataplane.listeners.inherited import SocketKind, name_of
from filterd.serve.handover.draining import Draining
from filterd.serve.listening import Listening
from tests.worlds.listener import Served, framed, make_served, query, receive

PATIENCE = 30.0


class Addresses:
    """The one address of the world."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.checks = True

    def stop_checks(self) -> None:
        self.checks = False

    def stop_reading(self, kind: SocketKind, name: Any) -> None:
        assert name == name_of(self.served.udp.sockets[0].getsockname())
        if kind is SocketKind.UDP:
            self.served.udp.stop_reading()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    made = make_served()
    made.start()
    yield made
    await made.close()


def draining(served: Served) -> Draining:
    """One that has left the sockets to a successor."""
    addresses = Addresses(served)
    listening = SimpleNamespace(addresses=addresses, connections=served.connections)
    made = Draining(cast("Listening", listening), served.fast, served.path)
    made.stop([(SocketKind.UDP, name_of(served.udp.sockets[0].getsockname()))])
    assert not addresses.checks
    return made


async def test_with_nothing_under_way_it_ends_at_once(served: Served) -> None:
    await asyncio.wait_for(draining(served).finish(), PATIENCE)


async def test_it_waits_for_queries_over_udp_that_wait_for_upstreams(served: Served) -> None:
    served.upstreams.gate.clear()
    asked = asyncio.create_task(served.datagram(query("late.example")))
    while not served.path.waiting:
        await asyncio.sleep(0.01)
    finishing = asyncio.create_task(draining(served).finish())
    await asyncio.sleep(0.1)
    assert not finishing.done()
    served.upstreams.gate.set()
    await asyncio.wait_for(finishing, PATIENCE)
    assert await asked is not None


async def test_idle_connections_end(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filterd.serve.handover.draining.IDLE_SECONDS", 0.2)
    reader, writer = await served.asked("first.example")
    await asyncio.wait_for(draining(served).finish(), PATIENCE)
    assert await reader.read() == b""
    assert served.connections.ended[ConnectionEnding.IDLE] == 1
    writer.close()


async def test_a_connection_that_asks_on_gets_its_answers_and_ends(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filterd.serve.handover.draining.LAST_QUERY_SECONDS", 0.3)
    reader, writer = await served.asked("first.example")
    finishing = asyncio.create_task(draining(served).finish())
    answered = 0
    with pytest.raises(asyncio.IncompleteReadError):
        while True:
            writer.write(framed(query("again.example")))
            await receive(reader)
            answered += 1
            await asyncio.sleep(0.02)
    writer.close()
    await asyncio.wait_for(finishing, PATIENCE)
    assert answered
    assert served.connections.ended[ConnectionEnding.SERVED] == 1


async def test_no_client_holds_it_up_for_long(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filterd.serve.handover.draining.ALL_SECONDS", 0.3)
    served.upstreams.gate.clear()
    asked = asyncio.create_task(served.datagram(query("never.example")))
    while not served.path.waiting:
        await asyncio.sleep(0.01)
    await asyncio.wait_for(draining(served).finish(), PATIENCE)
    assert served.path.waiting == 1
    assert await asked is None
