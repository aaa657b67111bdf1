"""One thread's forwarding over real sockets on loopback: scripted upstreams, recorded clients, given time.

The kernel hands a datagram on loopback over within the call that sends it; where a test waits all the same,
it waits for that datagram and not for a time.
"""

from __future__ import annotations

import os
import socket
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.upstream.thread_route import RouteReport, ThreadHop
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.decide import LineHandle
from filterd.policy.resolve import ResolvedPolicy
from tests.worlds.policy import KEY, NOW, Placed, World

SEED = bytes(range(16))
MAPPED = bytes(10) + b"\xff\xff"
CHILD = MAPPED + bytes([127, 0, 0, 2])
UNKNOWN = MAPPED + bytes([127, 0, 0, 99])
START = 1_000_000_000
"""microseconds"""
SILENCE = 400_000
PATIENCE = 5_000
"""milliseconds that a test waits for a datagram that must come"""
ADULT, SEARCH = 8, 9
CLASSES = Classes(
    (
        *FIXED,
        ListClass("adult", Kind.CATEGORY, ADULT, category="adult"),
        ListClass("google", Kind.SAFE_SEARCH, SEARCH, target="safe.example.net"),
    )
)
POLICY = World(
    CLASSES,
    (
        Placed("adult.example", bit=ADULT),
        Placed("search.example", bit=SEARCH),
        Placed("192.0.2.66/32", bit=ADULT),
    ),
    (),
    (ResolvedPolicy(), ResolvedPolicy("children", categories=1 << ADULT, safe_search=1 << SEARCH)),
)
Datagram = tuple[bytes, Any]


@dataclass(frozen=True)
class Rules:
    """Settings of the answers."""

    block_ttl: int = 30
    max_ttl_opted_in: int = 300
    sinkholes: tuple[tuple[bytes | None, bytes | None], ...] = ((None, None),) * 4
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

    def hop(self, **how: Any) -> ThreadHop:
        settings = {"trusted": False, "mixed_case": True, "edns": True, "outstanding": 100_000} | how
        return ThreadHop(self.name, self.host, self.port, **settings)

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
    """One that asks, at an address and a port."""

    address: bytes
    port: int
    answers: deque[bytes] = field(default_factory=deque)

    def answer(self) -> dns.message.Message:
        """The next answer, which must have been sent."""
        return dns.message.from_wire(self.answers.popleft())

    def nothing(self) -> bool:
        """True if no answer was sent."""
        return not self.answers


def upstream_ports() -> set[tuple[int, int]]:
    """Family and port of each UDP socket that is bound to no address: the tests' own have one."""
    found = set()
    for descriptor in [int(each.name) for each in Path("/proc/self/fd").iterdir()]:
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
        except OSError:
            continue  # it listed the folder
        with socket.socket(fileno=os.dup(descriptor)) as endpoint:
            if endpoint.type == socket.SOCK_DGRAM and endpoint.family in (socket.AF_INET, socket.AF_INET6):
                host, port, *_ = endpoint.getsockname()
                if host in ("0.0.0.0", "::"):
                    found.add((int(endpoint.family), port))
    return found


@dataclass
class Misses:
    """One thread that forwards, the upstream that a test plays, and the time."""

    packets: Plane
    cache: ResponseCache
    routes: Routes
    news: int
    micros: int = START
    opened: list[socket.socket] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    others: set[tuple[int, int]] = field(default_factory=upstream_ports)
    """ports from before"""
    left: list[tuple[PuntReason, bytes, bytes]] = field(default_factory=list)
    """to the slow path, and not looked at yet"""
    thread: FastThread = field(init=False)
    driver: Driver = field(init=False)

    def __post_init__(self) -> None:
        self.use_thread(0)

    def use_thread(self, number: int) -> None:
        """A new one from now on."""
        self.thread = FastThread(self.packets, self.routes, number, self.news, SEED)
        self.driver = Driver(self.thread)

    def upstream(self, address: str = "127.0.0.1") -> Upstream:
        self.opened.append(bound(address))
        return Upstream(self.opened[-1])

    def client(self, address: bytes = UNKNOWN) -> Client:
        self.clients.append(Client(address, len(self.clients)))
        return self.clients[-1]

    def ask(self, client: Client, name: str, rtype: str = "A", **options: Any) -> str | PuntReason:
        """A query comes, and what it leads to is sent."""
        found = self.take(client, name, rtype, **options)
        self.turn()
        return found

    def take(self, client: Client, name: str, rtype: str = "A", **options: Any) -> str | PuntReason:
        """A query comes, one of a batch: what it leads to is sent with the batch's others, by ``turn``."""
        options.setdefault("use_edns", 0)
        return self.put(client, dns.message.make_query(name, rtype, **options).to_wire())

    def put(self, client: Client, query: bytes) -> str | PuntReason:
        """The same with its bytes: answered, dropped, waits, or why the slow path is to take it."""
        self._look_at_punts()
        left, waiting = len(self.left), self.driver.waiting
        (answer,) = self.driver.drive([(query, client.address)], NOW, self.micros, client.port)
        if answer is not None:
            client.answers.append(answer)
            return "answered"
        self._look_at_punts()
        if len(self.left) > left:
            return self.left.pop()[0]
        return "waits" if self.driver.waiting == waiting + 1 else "dropped"

    def turn(self, later: int = 0, *, wait: bool = False) -> int | None:
        """So many microseconds later; in how many there is more to do. ``wait``: for a datagram of an
        upstream, which must come."""
        self.micros += later
        for each in self.driver.pump(NOW, self.micros, PATIENCE if wait else 0):
            client = self.clients[each.place]
            assert each.client == client.address
            client.answers.append(each.answer)
        return self.driver.due

    def _look_at_punts(self) -> None:
        while (punted := self.thread.take()) is not None:
            self.left.append((PuntReason(punted.reason), punted.pending.name, punted.pending.client))

    def punted(self) -> list[tuple[PuntReason, bytes, bytes]]:
        """What was forwarded and went to the slow path since the last call: why, the name, the client."""
        self._look_at_punts()
        found, self.left = self.left, []
        return found

    def counts(self) -> dict[str, int]:
        """What is and was on its way."""
        on_its_way = {"waiting": self.driver.waiting, "asking": self.driver.asking}
        return self.thread.counts().misses | on_its_way

    def ports(self) -> set[tuple[int, int]]:
        """Family and port of the thread's sockets towards upstreams."""
        return upstream_ports() - self.others

    def report(self, upstream: Upstream) -> RouteReport:
        return self.routes.reports()[upstream.name]

    def exchange(self, upstream: Upstream, make: Callable[[bytes], bytes]) -> None:
        """The next query at that upstream is answered with what ``make`` makes of it."""
        query, source = upstream.asked()
        upstream.send(make(query), source)
        self.turn(wait=True)


@contextmanager
def misses(policy: World = POLICY, *, threads: int = 1, size: int = 1 << 20) -> Iterator[Misses]:
    """One line that opted in, at 127.0.0.2; nobody is asked before a route is published."""
    cache = ResponseCache(size, SEED)
    packets = Plane(Prefixes(SEED, ["127.0.0.0/8"]), cache, Rules())
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(7, policy=1, opted_in=True))
    addresses.set(CHILD[12:], 32, 7)
    packets.publish(policy.native, lines, BindingTables(addresses), True)
    routes = Routes(threads)
    news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    world = Misses(packets, cache, routes, news)
    try:
        yield world
    finally:
        for each in world.opened:
            each.close()
        os.close(news)


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
