"""Upstreams without a network: one script for each, every fault on demand, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from filterd.dataplane.upstream.forward_types import ForwardOutcome, Question, Server
from filterd.dataplane.upstream.forwarder import Forwarder
from filterd.dataplane.upstream.network import Accept
from filterd.dataplane.upstream.race import RaceLimits
from filterd.wire.names import name_from_text

QUESTION = Question(name_from_text("www.example.org"), 1)
FIRST = Server("192.0.2.1", trusted=True)
SECOND = Server("192.0.2.2")
THIRD = Server("192.0.2.3")
Datagram = tuple[bytes, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class After:
    """A reply that takes so many seconds."""

    seconds: float
    reply: bytes | ForwardOutcome


Script = Callable[[bytes], bytes | ForwardOutcome | After | list[Datagram]]


@dataclass(slots=True)
class FakeNetwork:
    """Answers by one script per server; what does not come in time is a timeout."""

    udp_scripts: dict[str, Script]
    stream_scripts: dict[str, Script] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """names of servers, as they were asked"""
    packets: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    gate: asyncio.Event | None = None
    closed: bool = False

    async def udp(self, server: Server, packet: bytes, accept: Accept, wait: float) -> bytes | ForwardOutcome:
        self._note(server.name, packet)
        if self.gate:
            await self.gate.wait()
        result = self.udp_scripts[server.host](packet)
        if isinstance(result, bytes):
            result = [(result, server.address)]
        if isinstance(result, list):
            result = next((data for data, source in result if accept(data, source)), ForwardOutcome.TIMEOUT)
        return await self._in_time(result, wait)

    async def stream(self, server: Server, packet: bytes, wait: float) -> bytes | ForwardOutcome:
        self._note(f"tcp {server.name}", packet)
        result = self.stream_scripts[server.host](packet)
        assert not isinstance(result, list)
        return await self._in_time(result, wait)

    async def close(self) -> None:
        self.closed = True

    def _note(self, name: str, packet: bytes) -> None:
        self.asked.append(name)
        self.packets.append(packet)
        self.times.append(asyncio.get_running_loop().time())

    @staticmethod
    async def _in_time(result: bytes | ForwardOutcome | After, wait: float) -> bytes | ForwardOutcome:
        seconds, reply = (result.seconds, result.reply) if isinstance(result, After) else (0.0, result)
        if reply is ForwardOutcome.TIMEOUT or seconds > wait:
            await asyncio.sleep(wait)
            return ForwardOutcome.TIMEOUT
        if seconds:
            await asyncio.sleep(seconds)
        return reply


@dataclass(slots=True)
class World:
    """A forwarder, its network and what it told the operator."""

    network: FakeNetwork
    forwarder: Forwarder
    notes: list[tuple[str, str, str]]

    def counted(self, server: Server, outcome: ForwardOutcome) -> int:
        return self.forwarder.counts[server.name, outcome]


def world(
    scripts: dict[Server, Script],
    tcp: dict[Server, Script] | None = None,
    *,
    limits: RaceLimits | None = None,
    seed: int = 1,
) -> World:
    """A forwarder on the running loop, for these servers in this order."""
    network = FakeNetwork(
        {server.host: script for server, script in scripts.items()},
        {server.host: script for server, script in (tcp or {}).items()},
    )
    notes: list[tuple[str, str, str]] = []
    forwarder = Forwarder(
        tuple(scripts),
        clock=asyncio.get_running_loop().time,
        bits=random.Random(seed),
        network=network,
        limits=limits,
        note=lambda event, upstream, reason: notes.append((event, upstream, reason)),
    )
    return World(network, forwarder, notes)


def questions(count: int) -> Sequence[Question]:
    """Different ones."""
    return [
        Question(bytes([3, 97 + at // 676, 97 + at // 26 % 26, 97 + at % 26, 0]), 1) for at in range(count)
    ]


def reply(packet: bytes, rcode: int = 0, address: str = "192.0.2.80") -> dns.message.Message:
    query = dns.message.from_wire(packet)
    message = dns.message.make_response(query, recursion_available=True)
    message.set_rcode(dns.rcode.Rcode(rcode))
    if rcode == 0:
        message.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return message


def good(packet: bytes) -> bytes:
    return reply(packet).to_wire()


def refusing(rcode: int) -> Script:
    return lambda packet: reply(packet, rcode).to_wire()


def referral(packet: bytes) -> bytes:
    """Other servers, and no answer."""
    message = reply(packet)
    message.answer.clear()
    message.authority.append(dns.rrset.from_text(".", 60, "IN", "NS", "ns.example."))
    return message.to_wire()


def with_records(rcode: int) -> Callable[[bytes], bytes]:
    """The right answer under an rcode that says that there is none."""

    def answer(packet: bytes) -> bytes:
        message = reply(packet)
        message.set_rcode(dns.rcode.Rcode(rcode))
        return message.to_wire()

    return answer


def slow(seconds: float) -> Script:
    return lambda packet: After(seconds, good(packet))


def truncated(packet: bytes) -> bytes:
    message = reply(packet)
    message.answer.clear()
    message.flags |= dns.flags.TC
    return message.to_wire()


def silent(_: bytes) -> ForwardOutcome:
    return ForwardOutcome.TIMEOUT


def dead(_: bytes) -> ForwardOutcome:
    return ForwardOutcome.UNREACHABLE
