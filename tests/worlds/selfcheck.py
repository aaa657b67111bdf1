"""A resolver's threads and listeners on loopback, to be asked by itself, at times that a test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.listeners.connection_table import ConnectionLimits, ConnectionTable
from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.listen_addresses import ListenAddress, ListenAddresses
from filterd.dataplane.listeners.selfcheck import SelfCheck
from filterd.dataplane.listeners.tcp import TcpService
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.packet.unwrap import Unwrap
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from tests.e2e.authority import free_port
from tests.unit.dataplane.conftest import Rules
from tests.worlds.listener import GENEROUS, MachineClock, ScriptedUpstreams
from tests.worlds.policy import KEY

SOON = 10.0


class Told:
    """What an operator was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def note(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))


@dataclass
class SelfWorld:
    """Started; nothing is published, and nobody may ask: self-queries need neither."""

    packets: Plane
    fast: FastPath
    addresses: ListenAddresses
    service: TcpService
    check: SelfCheck
    told: Told = field(default_factory=Told)
    now: float = 1000.0

    async def turn(self, seconds: float = 1.0) -> None:
        """One turn, so much later; whoever is to answer then has the time."""
        self.now += seconds
        self.check.turn(self.now)
        await asyncio.sleep(0.02)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Look until it holds, without letting time pass."""
        async with asyncio.timeout(SOON):
            while not condition():
                await self.turn(0.0)

    def stop(self, thread: int) -> None:
        """End this thread, as if it hung: its sockets stay, and get their share."""
        self.fast._fast[thread].stop()
        self.fast._threads[thread].join()

    def outcomes(self, path: str) -> dict[str, int]:
        """How self-queries ended."""
        return {outcome: count for (of, outcome), count in self.check.counts.items() if of == path}


@asynccontextmanager
async def self_world(
    threads: int = 2,
    listen: Iterable[str] = ("127.0.0.1",),
    fronts: Iterable[str] = (),
    limits: ConnectionLimits = GENEROUS,
) -> AsyncIterator[SelfWorld]:
    """``fronts``: who must speak PROXY."""
    proxies = Prefixes(KEY, list(fronts))
    packets = Plane(Prefixes(KEY, []), ResponseCache(1 << 20, KEY), Rules(), None, proxies)
    packets.publish(None, Lines(KEY), BindingTables(Addresses(KEY)), True)
    path = SlowPath(packets, ScriptedUpstreams(), MachineClock(), AnswerCounts())
    fast = FastPath(packets, Routes(threads), path, threads)
    service = TcpService(ConnectionTable(limits), time.monotonic)
    told = Told()
    unwrap = Unwrap(proxies)
    addresses = ListenAddresses(
        [ListenAddress(ip_address(each), free_port(), path, fast, unwrap, service, told) for each in listen]
    )
    check = SelfCheck(addresses, fast, service, told, bytes(range(16)))
    fast.start()
    addresses.start()
    service.start()
    try:
        yield SelfWorld(packets, fast, addresses, service, check, told)
    finally:
        check.close()
        addresses.close()
        service.close()
        fast.close()
        await path.close()
        await asyncio.sleep(0)
