"""Listeners over real sockets on loopback: PROXY v2 senders, pipelining, limits, and what is cut."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import dns.message
import dns.rcode
import pytest

from filterd.dataplane.cache import ResponseCache
from filterd.dataplane.listeners import tcp as tcp_module
from filterd.dataplane.listeners.tcp import TcpListener, bind_tcp
from filterd.dataplane.listeners.udp import UdpListener, bind_udp
from filterd.dataplane.packet import Packets, Pending
from filterd.dataplane.slowpath import SlowPath
from filterd.dataplane.stages.record import BOUNDS, Record
from filterd.dataplane.stages.unwrap import Unwrap, client_bytes
from filterd.dataplane.tables import Addresses, Lines, Prefixes
from filterd.policy.classes import FIXED, Classes
from filterd.wire.proxy import SIGNATURE
from tests.policy_world import KEY, World
from tests.unit.dataplane.conftest import Rules


class StillClock:
    """The time that a test says."""

    def now(self) -> int:
        return 1_800_000_000

    def ticks(self) -> float:
        return 1000.0


@dataclass
class Answer:
    message: bytes | None
    ad: bool = False
    edes: tuple[tuple[int, bytes], ...] = ()


@dataclass
class ScriptedUpstreams:
    """Answers with NXDOMAIN once ``gate`` is open; names that begin with ``slow`` wait for ``slow`` too."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    async def forward(self, pending: Pending) -> Answer:
        await self.gate.wait()
        if pending.name.startswith(b"\4slow"):
            await self.slow.wait()
        head = b"\0\0\x81\x83\0\1\0\0\0\0\0\0"
        return Answer(head + pending.name + pending.qtype.to_bytes(2, "big") + b"\0\1")


@dataclass
class Served:
    path: SlowPath
    upstreams: ScriptedUpstreams
    udp: UdpListener
    tcp: TcpListener
    udp_port: int
    tcp_port: int

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

    async def stream(self, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.tcp_port, local_addr=(source, 0))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Everyone on loopback and 192.0.2.0/24 may ask; 127.0.0.7 is a front."""
    allowed = Prefixes(KEY, ["127.0.0.0/8", "192.0.2.0/24"])
    packets = Packets(allowed, ResponseCache(1 << 20, KEY), Rules())
    packets.publish(World(Classes(FIXED)).native, Lines(KEY), Addresses(KEY), True)
    upstreams = ScriptedUpstreams()
    upstreams.gate.set()
    path = SlowPath(packets, upstreams, StillClock(), Record())
    unwrap = Unwrap(Prefixes(KEY, ["127.0.0.7/32"]))
    udp_socket, tcp_socket = bind_udp(ip_address("127.0.0.1"), 0), bind_tcp(ip_address("127.0.0.1"), 0)
    ports = udp_socket.getsockname()[1], tcp_socket.getsockname()[1]
    udp, tcp = UdpListener(udp_socket, path, unwrap), TcpListener(tcp_socket, path, unwrap)
    udp.start()
    await tcp.start()
    yield Served(path, upstreams, udp, tcp, *ports)
    udp.close()
    await tcp.close()
    await path.close()


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


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", bytes(10) + b"\xff\xff\x7f\0\0\1"),
        ("::1", bytes(15) + b"\1"),
        ("fe80::1%lo", b"\xfe\x80" + bytes(13) + b"\1"),
    ],
)
def test_addresses_in_one_form(host: str, expected: bytes) -> None:
    assert client_bytes(host) == expected


async def test_a_front_must_send_the_header_over_udp_and_others_must_not(served: Served) -> None:
    plain = query("example.org")
    for source, packet, expected in (
        ("127.0.0.1", plain, dns.rcode.NXDOMAIN),
        ("127.0.0.7", plain, None),
        ("127.0.0.7", proxied("192.0.2.9") + plain, dns.rcode.NXDOMAIN),
        ("127.0.0.7", proxied("198.51.100.9") + plain, dns.rcode.REFUSED),
    ):
        reply = await served.datagram(packet, source)
        assert (dns.message.from_wire(reply).rcode() if reply else None) == expected
    reply = await served.datagram(proxied("192.0.2.9") + plain)
    assert reply is None or dns.message.from_wire(reply, ignore_trailing=True).rcode() != dns.rcode.NXDOMAIN
    assert served.path.record.drops == {"no_proxy_header": 1}


async def test_a_front_over_tcp(served: Served) -> None:
    reader, writer = await served.stream("127.0.0.7")
    writer.write(proxied("192.0.2.9") + framed(query("example.org")))
    assert (await receive(reader)).rcode() == dns.rcode.NXDOMAIN
    writer.close()
    reader, writer = await served.stream("127.0.0.7")
    writer.write(framed(query("example.org")))
    assert await reader.read() == b""
    writer.close()


async def test_answers_come_as_they_are_ready(served: Served) -> None:
    reader, writer = await served.stream()
    writer.write(framed(query("slow.example"), query("fast.example")))
    assert (await receive(reader)).question[0].name.to_text() == "fast.example."
    served.upstreams.slow.set()
    assert (await receive(reader)).question[0].name.to_text() == "slow.example."
    writer.close()


async def test_a_client_that_ends_still_gets_what_it_asked(served: Served) -> None:
    reader, writer = await served.stream()
    writer.write(framed(query("slow.example")))
    writer.write_eof()
    served.upstreams.slow.set()
    assert (await receive(reader)).rcode() == dns.rcode.NXDOMAIN
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("sent", [b"\0", b"\0\5hello", framed(query("example.org"))[:-3]])
async def test_what_is_no_message_ends_the_connection(
    served: Served, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_module, "IDLE_SECONDS", 0.1)
    reader, writer = await served.stream()
    writer.write(sent)
    assert await reader.read() == b""
    writer.close()


async def test_a_connection_has_its_share_of_queries(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_module, "MAX_QUERIES", 2)
    reader, writer = await served.stream()
    writer.write(framed(query("one.example"), query("two.example"), query("three.example")))
    answers = [await receive(reader), await receive(reader)]
    assert len(answers) == 2
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await receive(reader)
    writer.close()


async def test_connections_are_bounded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_module, "MAX_CONNECTIONS", 1)
    first = await served.stream()
    first[1].write(framed(query("example.org")))
    await receive(first[0])
    reader, writer = await served.stream()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await receive(reader)
    assert served.path.record.drops == {"too_many_connections": 1}
    for each in (writer, first[1]):
        each.close()


async def test_waiting_queries_are_bounded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filterd.dataplane.slowpath.MAX_WAITING", 1)
    served.upstreams.gate.clear()
    assert await served.datagram(query("one.example")) is None
    assert await served.datagram(query("two.example")) is None
    assert served.path.record.drops == {"too_many_waiting": 1}
    served.upstreams.gate.set()


def test_response_times_fall_into_their_buckets() -> None:
    record = Record()
    for seconds in (0.0, BOUNDS[0], 10.0):
        record.answered(seconds)
    assert (record.responses[0], record.responses[-1]) == (2, 1)


async def test_a_client_that_is_gone_before_it_was_accepted_is_no_fault(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is not known any more; a flood of such clients must not flood the log either."""
    reader, writer = await served.stream()
    monkeypatch.setattr(writer.transport, "get_extra_info", lambda name, default=None: default)
    await served.tcp._serve(reader, writer)
    assert writer.is_closing()
