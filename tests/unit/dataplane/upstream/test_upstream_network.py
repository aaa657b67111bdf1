"""Forwarding over real sockets to scripted servers on loopback, each with a fault of its own."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from filterd.dataplane.upstream.forward_types import (
    FailureReason,
    ForwardOutcome,
    Question,
    Server,
    UpstreamAnswer,
    UpstreamFailure,
)
from filterd.dataplane.upstream.forwarder import Forwarder
from filterd.dataplane.upstream.network import open_udp
from filterd.dataplane.upstream.race import RaceLimits
from filterd.wire.names import name_from_text
from tests.e2e.authority import free_port

QUESTION = Question(name_from_text("www.example.org"), 1)
QUICK = RaceLimits(patience=0.15, deadline=0.5)
PATIENT = RaceLimits(patience=5.0, deadline=10.0)
Send = Callable[[bytes], object]


def good(packet: bytes, rcode: int = 0) -> bytes:
    query = dns.message.from_wire(packet)
    message = dns.message.make_response(query, recursion_available=True)
    message.set_rcode(dns.rcode.Rcode(rcode))
    if rcode == 0:
        message.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.80"))
    return message.to_wire()


def truncated(packet: bytes) -> bytes:
    message = dns.message.from_wire(good(packet))
    message.answer.clear()
    message.flags |= dns.flags.TC
    return message.to_wire()


@dataclass(slots=True)
class Upstream(asyncio.DatagramProtocol):
    """One scripted server: ``udp`` answers through ``send``, ``tcp`` gives what a connection gets.

    It sends on the socket itself: asyncio sends no empty datagram before Python 3.13.
    """

    udp: Callable[[bytes, Send], object]
    tcp: Callable[[bytes], bytes] | None = None
    ports: list[int] = field(default_factory=list)
    endpoint: socket.socket | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.ports.append(addr[1])
        assert self.endpoint is not None
        endpoint = self.endpoint
        self.udp(data, lambda reply: endpoint.sendto(reply, addr))

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        assert self.tcp is not None
        writer.write(self.tcp(await reader.readexactly(length)))
        writer.close()


def answering(packet: bytes, send: Send) -> None:
    send(good(packet))


@asynccontextmanager
async def served(upstream: Upstream, host: str = "127.0.0.1") -> AsyncIterator[Server]:
    """The server on a port of the kernel's choice, over TCP too where it has a script for that."""
    loop = asyncio.get_running_loop()
    listening = None
    port = 0
    if upstream.tcp:
        port = free_port(host)
        listening = await asyncio.start_server(upstream.connected, host, port)
    upstream.endpoint = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    upstream.endpoint.setblocking(False)
    upstream.endpoint.bind((host, port))
    transport, _ = await loop.create_datagram_endpoint(lambda: upstream, sock=upstream.endpoint)
    try:
        yield Server(host, transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
        if listening:
            listening.close()
            await listening.wait_closed()


def forwarder(*servers: Server, limits: RaceLimits = PATIENT) -> Forwarder:
    return Forwarder(servers, clock=time.monotonic, bits=random.SystemRandom(), limits=limits)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_answer_over_udp(host: str) -> None:
    async with served(Upstream(answering), host) as server:
        answer = await forwarder(server).resolve(QUESTION)
        assert isinstance(answer, UpstreamAnswer)
        assert answer.upstream == server.name
        assert dns.message.from_wire(answer.message).answer[0][0].to_text() == "192.0.2.80"


async def test_each_query_leaves_from_a_port_of_its_own() -> None:
    upstream = Upstream(answering)
    async with served(upstream) as server:
        asking = forwarder(server)
        names = [Question(bytes([2, 97 + at // 26, 97 + at % 26, 0]), 1) for at in range(128)]
        await asyncio.gather(*(asking.resolve(question) for question in names))
    assert len(set(upstream.ports)) >= 64
    steps = [b - a for a, b in zip(upstream.ports, upstream.ports[1:], strict=False)]
    assert len(set(steps)) > 32


def test_no_query_leaves_from_a_port_that_is_to_be_avoided() -> None:
    for _ in range(64):
        with open_udp(ipv6=False, avoided=range(1, 1 << 16, 2)) as opened:
            assert opened.getsockname()[1] % 2 == 0
    with pytest.raises(OSError, match="belongs to an upstream"):
        open_udp(ipv6=False, avoided=range(1 << 16))


async def test_a_server_that_drops_costs_one_attempt() -> None:
    drop = Upstream(lambda packet, send: None)
    async with served(drop) as first, served(Upstream(answering)) as second:
        asking = forwarder(first, second, limits=QUICK)
        answer = await asking.resolve(QUESTION)
        assert isinstance(answer, UpstreamAnswer)
        await asking.close()
        assert len(drop.ports) == 1
        assert asking.counts == {(second.name, ForwardOutcome.ANSWERED): 1}


async def test_a_port_where_nobody_listens_costs_no_timeout() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        dead = Server("127.0.0.1", unused.getsockname()[1])
    asking = forwarder(dead)
    assert await asking.resolve(QUESTION) == UpstreamFailure(FailureReason.UNREACHABLE)
    assert asking.counts == {(dead.name, ForwardOutcome.UNREACHABLE): 1}


async def test_a_slow_server_is_waited_for() -> None:
    def late(packet: bytes, send: Send) -> None:
        asyncio.get_running_loop().call_later(0.1, send, good(packet))

    async with served(Upstream(late)) as server:
        assert isinstance(await forwarder(server).resolve(QUESTION), UpstreamAnswer)


async def test_a_forger_is_counted_and_ignored() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
        forger.bind(("127.0.0.1", 0))
        target: list[int] = []

        def attacked(packet: bytes, send: Send) -> None:
            forger.sendto(good(packet), ("127.0.0.1", target[-1]))
            send(bytes([packet[0] ^ 0x55]) + good(packet)[1:])
            send(good(packet)[:20])
            asyncio.get_running_loop().call_later(0.05, send, good(packet))

        upstream = Upstream(attacked)
        upstream.ports = target
        async with served(upstream) as server:
            asking = forwarder(server)
            assert isinstance(await asking.resolve(QUESTION), UpstreamAnswer)
            assert asking.counts == {
                (server.name, ForwardOutcome.WRONG_SOURCE): 1,
                (server.name, ForwardOutcome.WRONG_ID): 1,
                (server.name, ForwardOutcome.WRONG_QUESTION): 1,
                (server.name, ForwardOutcome.ANSWERED): 1,
            }


async def test_servfail_moves_on() -> None:
    failing = Upstream(lambda packet, send: send(good(packet, 2)))
    async with served(failing) as first, served(Upstream(answering)) as second:
        answer = await forwarder(first, second).resolve(QUESTION)
        assert isinstance(answer, UpstreamAnswer)
        assert answer.upstream == second.name


def framed(message: bytes) -> bytes:
    return struct.pack("!H", len(message)) + message


async def test_a_cut_answer_is_fetched_over_tcp() -> None:
    upstream = Upstream(lambda packet, send: send(truncated(packet)), lambda packet: framed(good(packet)))
    async with served(upstream) as server:
        asking = forwarder(server)
        answer = await asking.resolve(QUESTION)
        assert isinstance(answer, UpstreamAnswer)
        assert len(dns.message.from_wire(answer.message).answer) == 1
        assert asking.counts == {
            (server.name, ForwardOutcome.TCP): 1,
            (server.name, ForwardOutcome.ANSWERED): 1,
        }


@pytest.mark.parametrize("tcp", [lambda _: b"", lambda _: b"\0", lambda packet: framed(good(packet))[:30]])
async def test_a_connection_that_ends_early_is_a_failure(tcp: Callable[[bytes], bytes]) -> None:
    async with served(Upstream(lambda packet, send: send(truncated(packet)), tcp)) as server:
        asking = forwarder(server)
        assert isinstance(await asking.resolve(QUESTION), UpstreamFailure)
        assert asking.counts[server.name, ForwardOutcome.UNREACHABLE] == 1


async def test_nobody_listening_on_tcp_is_a_failure() -> None:
    async with served(Upstream(lambda packet, send: send(truncated(packet)))) as server:
        assert isinstance(await forwarder(server).resolve(QUESTION), UpstreamFailure)


async def test_a_flood_of_wrong_answers_does_not_stop_the_right_one() -> None:
    def flooded(packet: bytes, send: Send) -> None:
        for _ in range(100):
            send(b"\0" * 40)
        send(good(packet))

    async with served(Upstream(flooded, lambda packet: framed(good(packet)))) as server:
        asking = forwarder(server)
        assert isinstance(await asking.resolve(QUESTION), UpstreamAnswer)
        assert asking.counts == {
            (server.name, ForwardOutcome.WRONG_ID): 3,
            (server.name, ForwardOutcome.DOUBTED): 1,
            (server.name, ForwardOutcome.TCP): 1,
            (server.name, ForwardOutcome.ANSWERED): 1,
        }


async def test_no_sockets_left_is_a_failure_and_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> socket.socket:
        raise OSError(24, "too many open files")

    asking = forwarder(Server("127.0.0.1", 9))
    monkeypatch.setattr("filterd.dataplane.upstream.network.socket.socket", exhausted)
    assert await asking.resolve(QUESTION) == UpstreamFailure(FailureReason.UNREACHABLE)
