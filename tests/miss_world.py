"""One thread's forwarding over real sockets on loopback: scripted upstreams, clients, and time that is given.

The kernel hands a datagram on loopback over within the call that sends it; where a test waits all the same,
it waits for that datagram and not for a time.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from filterd.dataplane.addresses import Addresses, Prefixes
from filterd.dataplane.cache import ResponseCache
from filterd.dataplane.driven import DrivenMisses
from filterd.dataplane.lines import Lines
from filterd.dataplane.packets import Packets
from filterd.dataplane.punting import PuntReason
from filterd.dataplane.routes import Routes
from filterd.dataplane.upstream.shown import Hop, Report
from filterd.policy.decide import LineHandle
from tests.policy_world import KEY, NOW, World

SEED = bytes(range(16))
MAPPED = bytes(10) + b"\xff\xff"
CHILD = MAPPED + bytes([127, 0, 0, 2])
UNKNOWN = MAPPED + bytes([127, 0, 0, 99])
START = 1_000_000_000
"""microseconds"""
SILENCE = 400_000
PATIENCE = 5_000
"""milliseconds that a test waits for a datagram that must come"""
Datagram = tuple[bytes, Any]


@dataclass(frozen=True)
class Rules:
    """Settings of the answers."""

    block_ttl: int = 30
    max_ttl_opted_in: int = 300
    ipv4: bytes | None = None
    ipv6: bytes | None = None
    identity: str = ""
    keepalive: int = 0
    cookie_secrets: bytes = b""


def bound(address: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(PATIENCE / 1000)
    made.bind((address, 0))
    return made


@dataclass
class Upstream:
    """A server that does what the test says."""

    endpoint: socket.socket

    @property
    def host(self) -> str:
        return str(self.endpoint.getsockname()[0])

    @property
    def port(self) -> int:
        return int(self.endpoint.getsockname()[1])

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    def hop(self, **how: Any) -> Hop:
        settings = {"trusted": False, "mixed_case": True, "edns": True, "outstanding": 100_000} | how
        return Hop(self.name, self.host, self.port, **settings)

    def asked(self) -> Datagram:
        """The next query, which must have been sent."""
        return self.endpoint.recvfrom(4096)

    def all_asked(self) -> list[Datagram]:
        """All queries that were sent."""
        found = []
        self.endpoint.setblocking(False)
        try:
            while True:
                found.append(self.endpoint.recvfrom(4096))
        except BlockingIOError:
            self.endpoint.settimeout(PATIENCE / 1000)
        return found

    def send(self, reply: bytes, to: Any) -> None:
        self.endpoint.sendto(reply, to)


@dataclass
class Client:
    """One that asks, at an address of loopback."""

    address: bytes
    endpoint: socket.socket

    def answer(self) -> dns.message.Message:
        """The next answer, which must have been sent."""
        return dns.message.from_wire(self.endpoint.recv(4096))

    def nothing(self) -> bool:
        """Whether no answer was sent."""
        self.endpoint.setblocking(False)
        try:
            self.endpoint.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.endpoint.settimeout(PATIENCE / 1000)
        return False


@dataclass
class Misses:
    """What a test has in hand."""

    packets: Packets
    cache: ResponseCache
    routes: Routes
    driven: DrivenMisses
    door: socket.socket
    micros: int = START
    opened: list[socket.socket] = field(default_factory=list)

    def upstream(self, address: str = "127.0.0.1") -> Upstream:
        self.opened.append(bound(address))
        return Upstream(self.opened[-1])

    def client(self, address: bytes = UNKNOWN) -> Client:
        self.opened.append(bound(socket.inet_ntoa(address[12:])))
        return Client(address, self.opened[-1])

    def ask(self, client: Client, name: str, rtype: str = "A", **options: Any) -> str | PuntReason:
        """A query comes, and what it leads to is sent."""
        found = self.take(client, name, rtype, **options)
        self.driven.pump(NOW, self.micros)
        return found

    def take(self, client: Client, name: str, rtype: str = "A", **options: Any) -> str | PuntReason:
        """A query comes, one of a batch: what it leads to is sent with the batch's others, by ``turn``."""
        options.setdefault("use_edns", 0)
        query = dns.message.make_query(name, rtype, **options)
        port = client.endpoint.getsockname()[1]
        return self.driven.take(query.to_wire(), client.address, port, NOW, self.micros)

    def turn(self, later: int = 0, *, wait: bool = False) -> int | None:
        """So many microseconds later. ``wait``: for a datagram of an upstream, which must come."""
        self.micros += later
        return self.driven.pump(NOW, self.micros, PATIENCE if wait else 0)

    def report(self, upstream: Upstream) -> Report:
        return self.routes.reports()[upstream.name]

    def exchange(self, upstream: Upstream, make: Callable[[bytes], bytes]) -> None:
        """The next query at that upstream is answered with what ``make`` makes of it."""
        query, source = upstream.asked()
        upstream.send(make(query), source)
        self.turn(wait=True)


@contextmanager
def misses(policy: World, *, threads: int = 1, size: int = 1 << 20) -> Iterator[Misses]:
    """One line that opted in, at 127.0.0.2; nobody is asked before a route is published."""
    cache = ResponseCache(size, SEED)
    packets = Packets(Prefixes(SEED, ["127.0.0.0/8"]), cache, Rules())
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(7, policy=1, opted_in=True))
    addresses.set(CHILD[12:], 32, 7)
    packets.publish(policy.native, lines, addresses, True)
    routes = Routes(threads)
    driven = DrivenMisses(packets, routes, SEED)
    with bound() as door:
        driven.open_door(0, door)
        world = Misses(packets, cache, routes, driven, door)
        try:
            yield world
        finally:
            for each in world.opened:
                each.close()


def reply(query: bytes, *records: str, rcode: int = 0, edns: bool = True) -> dns.message.Message:
    """An answer to a query; a record is ``owner type data``."""
    asked = dns.message.from_wire(query)
    message = dns.message.make_response(asked, recursion_available=True)
    message.flags &= ~dns.flags.AD
    message.use_edns(0 if edns else False)
    message.set_rcode(dns.rcode.Rcode(rcode))
    for text in records:
        owner, rtype, data = text.split(" ", 2)
        message.answer.append(dns.rrset.from_text(owner, 600, "IN", rtype, data))
    return message


def good(query: bytes, address: str = "192.0.2.80") -> bytes:
    name = dns.message.from_wire(query).question[0].name
    return reply(query, f"{name} A {address}").to_wire()


def failing(rcode: int) -> Callable[[bytes], bytes]:
    return lambda query: reply(query, rcode=rcode).to_wire()


def addresses(answer: dns.message.Message) -> Sequence[str]:
    return [item.to_text() for rrset in answer.answer for item in rrset]
