"""Listeners over real sockets on loopback, and upstreams that wait for a test's word."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import dns.message

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.listeners.connection_table import ConnectionEnding, ConnectionLimits, ConnectionTable
from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.socket_binding import bind_tcp
from filterd.dataplane.listeners.tcp import TcpListener, TcpService
from filterd.dataplane.listeners.udp import UdpListener
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.packet.unwrap import Unwrap
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.policy.classes import FIXED, Classes
from filterd.wire.proxy import SIGNATURE
from tests.unit.dataplane.conftest import Rules
from tests.worlds.policy import KEY, World

GENEROUS = ConnectionLimits()
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class MachineClock:
    """The clocks that the threads of the fast path read too."""

    def now(self) -> int:
        return int(time.time())

    def ticks(self) -> float:
        return time.monotonic()


@dataclass
class Answer:
    message: bytes | None
    ad: bool = False
    edes: tuple[tuple[int, bytes], ...] = ()


@dataclass
class ScriptedUpstreams:
    """Answers with NXDOMAIN once ``gate`` is open; names that begin with ``slow`` wait for ``slow`` too, and
    those that begin with ``large`` have 60 KB of text, which may be cached for ``large_ttl`` seconds."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    slow: asyncio.Event = field(default_factory=asyncio.Event)
    large_ttl: int = 300

    async def forward(self, pending: Pending, waited: float = 0.0, doubted: bool = False) -> Answer:
        await self.gate.wait()
        if pending.name.startswith(b"\4slow"):
            await self.slow.wait()
        if pending.name.startswith(b"\5large"):
            return Answer(_large(pending, self.large_ttl))
        head = b"\0\0\x81\x83\0\1\0\0\0\0\0\0"
        return Answer(head + pending.name + pending.qtype.to_bytes(2, "big") + b"\0\1")


def _large(pending: Pending, ttl: int) -> bytes:
    question = pending.name + pending.qtype.to_bytes(2, "big") + b"\0\1"
    record = b"\xc0\x0c\0\x10\0\1" + ttl.to_bytes(4, "big") + (255).to_bytes(2, "big")
    texts = b"".join(record + b"\xfe" + number.to_bytes(2, "big") + bytes(252) for number in range(225))
    return b"\0\0\x81\x80\0\1\0\xe1\0\0\0\0" + question + texts


@dataclass
class Served:
    packets: Plane
    path: SlowPath
    routes: Routes
    fast: FastPath
    upstreams: ScriptedUpstreams
    udp: UdpListener
    tcp: TcpListener
    service: TcpService
    udp_port: int
    tcp_port: int

    def start(self) -> None:
        self.fast.start()
        self.udp.start()
        self.tcp.start()
        self.service.start()

    async def close(self) -> None:
        self.udp.close()
        self.tcp.close()
        self.service.close()
        self.fast.close()
        await self.path.close()
        await asyncio.sleep(0)

    @property
    def connections(self) -> ConnectionTable:
        return self.service.connections

    def drops(self) -> dict[str, int]:
        """What got no answer, by reason, as the metric adds it up."""
        found = Counter(self.packets.counts()["drops"]) + Counter(self.path.counts.drops)
        for thread in self.fast.counts():
            found.update(thread.drops)
        return dict(+found)

    def limit(self, **changes: Any) -> None:
        """Change some of the limits."""
        self.connections.limits = replace(self.connections.limits, **changes)

    async def ended(self, ending: ConnectionEnding, count: int = 1) -> None:
        """Wait until so many connections ended for this reason."""
        async with asyncio.timeout(10):
            while self.connections.ended[ending] < count:
                await asyncio.sleep(0.01)

    async def datagram(self, packet: bytes, source: str = "127.0.0.1") -> bytes | None:
        """Send one; the answer, None for silence."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.bind((source, 0))
            loop = asyncio.get_running_loop()
            await loop.sock_sendto(client, packet, ("127.0.0.1", self.udp_port))
            try:
                return await asyncio.wait_for(loop.sock_recv(client, 4096), 0.3)
            except TimeoutError:
                return None

    async def stream(self, source: str = "127.0.0.1") -> Stream:
        """A connection from this address."""
        return await asyncio.open_connection("127.0.0.1", self.tcp_port, local_addr=(source, 0))

    async def asked(self, name: str, source: str = "127.0.0.1") -> Stream:
        """A connection on which one query was answered."""
        reader, writer = await self.stream(source)
        writer.write(framed(query(name)))
        await receive(reader)
        return reader, writer


def make_served(limits: ConnectionLimits = GENEROUS, threads: int = 2) -> Served:
    """Everyone on loopback and 192.0.2.0/24 may ask; 127.0.0.7 is a front. Not started."""
    allowed, fronts = Prefixes(KEY, ["127.0.0.0/8", "192.0.2.0/24"]), Prefixes(KEY, ["127.0.0.7/32"])
    packets = Plane(allowed, ResponseCache(1 << 20, KEY), Rules(), None, fronts)
    packets.publish(World(Classes(FIXED)).native, Lines(KEY), BindingTables(Addresses(KEY)), True)
    upstreams = ScriptedUpstreams()
    upstreams.gate.set()
    path = SlowPath(packets, upstreams, MachineClock(), AnswerCounts())
    routes = Routes(threads)
    fast = FastPath(packets, routes, path, threads)
    udp, tcp_socket = UdpListener(ip_address("127.0.0.1"), 0, fast), bind_tcp(ip_address("127.0.0.1"), 0)
    service = TcpService(ConnectionTable(limits), time.monotonic)
    tcp = TcpListener(tcp_socket, path, Unwrap(fronts), service)
    tcp_port = tcp_socket.getsockname()[1]
    return Served(packets, path, routes, fast, upstreams, udp, tcp, service, udp.port, tcp_port)


def query(name: str) -> bytes:
    return dns.message.make_query(name, "A").to_wire()


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


def proxied(source: str) -> bytes:
    addresses = ip_address(source).packed + bytes([127, 0, 0, 1]) + b"\x12\x34\0\x35"
    return SIGNATURE + b"\x21\x12" + len(addresses).to_bytes(2, "big") + addresses


async def receive(reader: asyncio.StreamReader) -> dns.message.Message:
    length = int.from_bytes(await reader.readexactly(2), "big")
    return dns.message.from_wire(await reader.readexactly(length))
