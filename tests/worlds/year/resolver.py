"""One resolver of the year: a node, the stages of a query and a UDP socket on loopback, on the year's clock.

It is put together of the resolver's own parts (``filterd.serve.resolver``), without its process, its threads
and its fast path: those live by the machine's clock. What it has in force it reads from the store and from
its own disk, it asks itself over DNS for the canary of each order and list, and its report is the one that a
resolver sends. Above it stands a server that has an address for every name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address
from typing import cast

from filterd.config.settings import Settings
from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.nodestate.node import Node
from filterd.dataplane.nodestate.node_types import NodePaths, Published
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.unwrap import client_bytes
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.dataplane.upstream.forward_types import Question, UpstreamAnswer
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.records import CanaryState, NodeReport
from filterd.policy import snapshot_layout
from filterd.serve.answer_rules import rules_of
from filterd.serve.canary_probe import CanaryProbe, ProbeTarget, ask_listener, judge_answer, query_for
from filterd.serve.node_report import report_of
from filterd.serve.node_sessions import bound_tables, unread_lines
from filterd.serve.order_probe import OrderProbe, SelfProbes
from filterd.serve.wiring import canaries_of, prefixes, switches_of
from filterd.store.engine import database_path
from filterd.wire.names import name_to_text
from tests.worlds import dns_answers

ADDRESS = "198.51.100.7"
"""of every name, as the server above has it"""


class Above:
    """The upstream: one address for every name."""

    async def forward(
        self, pending: Question | Pending, waited: float = 0.0, doubted: bool = False
    ) -> UpstreamAnswer:
        """The answer to a question."""
        del waited, doubted
        name = name_to_text(pending.name)
        found = [dns_answers.record(dns_answers.A, ip_address(ADDRESS).packed, owner=name)]
        message = dns_answers.message(*found if pending.qtype == dns_answers.A else (), name=name)
        return UpstreamAnswer(message, 0, ad=False, edes=(), upstream="above")


class Watch:
    """Takes what the node says; the year reads its last words where something goes wrong."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, event: str, **fields: object) -> None:
        """Keep it."""
        self.notes.append(f"{event} {fields}")

    def enforced(self, seconds: float) -> None:
        """Of no use here."""

    def failed(self, error: Exception) -> None:
        """Keep it."""
        self.notes.append(repr(error))


@dataclass(frozen=True, slots=True)
class QueryTime:
    """The two clocks of a query, which are one."""

    clock: Callable[[], float]

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def ticks(self) -> float:
        """Seconds."""
        return self.clock()


class YearResolver:
    """See the module. :meth:`start` is also a start again; while it is down it neither turns nor answers."""

    def __init__(self, name: str, settings: Settings, clock: Callable[[], float]) -> None:
        self.name = name
        self.up = False
        self.watch = Watch()
        self._settings = settings
        self._clock = clock
        self._folder = settings.state_dir.parent / name
        self._upstream = Above()

    async def start(self) -> None:
        """Read the disk, and answer on a port that the kernel draws."""
        self._folder.mkdir(exist_ok=True)
        snapshots = self._folder / snapshot_layout.DIRECTORY
        if not snapshots.exists():
            snapshots.symlink_to(self._settings.state_dir / snapshot_layout.DIRECTORY)
        self._began = self._clock()
        seed = self.name.encode().ljust(16, b"-")
        dns = self._settings.dns
        self._plane = Plane(
            prefixes(dns.allow_from), ResponseCache(1 << 20, seed, 0), rules_of(self._settings, seed)
        )
        key = FINGERPRINT_KEY.load(self._settings.state_dir)
        store = database_path(self._settings.store.url)
        self.node = Node(
            NodePaths(self._folder, store, key),
            switches_of(self._settings),
            self._publish,
            self.watch,
            self._clock,
            self._clock,
        )
        self.node.load()
        path = SlowPath(self._plane, self._upstream, QueryTime(self._clock), AnswerCounts())
        loop = asyncio.get_running_loop()
        self._path = path
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(path), local_addr=("127.0.0.1", 0)
        )
        self._target = ProbeTarget(IPv4Address("127.0.0.1"), self._transport.get_extra_info("sockname")[1])
        self._probes = self._make_probes()
        self.up = True

    def _make_probes(self) -> SelfProbes:
        lists = CanaryProbe(
            lambda: canaries_of(self.node), lambda: [self._target], self._upstream, self._clock, 0.0
        )
        publisher = self.node.publisher
        orders = OrderProbe(
            lambda: self.node.arrivals.newest,
            lambda: publisher.canaries,
            lists.asker,
            lambda: (publisher.settings.canary_zone, publisher.key),
            self._clock,
        )
        return SelfProbes(lists, orders)

    async def stop(self) -> None:
        """As a machine that is switched off: what is on the disk stays."""
        self.up = False
        self._transport.close()
        await self._path.close()
        self.node.close()
        await asyncio.sleep(0)

    def turn(self) -> None:
        """Do all that is due, as the node's thread does."""
        while self.node.turn():
            pass

    async def probe(self, *, lists: bool) -> None:
        """Ask itself for the canaries of the orders that came or went, and of all lists."""
        await self._probes.orders.turn()
        if lists:
            await self._probes.lists.turn()

    def report(self) -> NodeReport:
        """The report of this moment."""
        report = report_of(self.node, self.name, self._began, (self.node.missing(), ()), self._probes)
        return replace(report, seen_at=self._clock(), sent_at=self._clock())

    async def blocks(self, name: str) -> bool:
        """True where a client that asks over UDP gets extended error 16."""
        answer = await ask_listener(self._target, query_for(name))
        if answer is None:
            message = f"{self.name} does not answer: {self.watch.notes[-3:]}"
            raise AssertionError(message)
        return judge_answer(answer)[0] is CanaryState.BLOCKED

    def _publish(self, published: Published) -> None:
        self._plane.publish(
            published.state,
            published.lines,
            bound_tables(published.bindings),
            published.identity_ready,
            published.earliest,
            unread_lines(published.unread),
        )


class _Socket(asyncio.DatagramProtocol):
    """Clients over UDP."""

    def __init__(self, path: SlowPath) -> None:
        self._path = path

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answers leave by it."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one query, now or later."""

        def send(answer: bytes) -> None:
            self._transport.sendto(answer, addr)

        self._path.take(memoryview(data), client_bytes(addr[0]), False, send, port=addr[1])
