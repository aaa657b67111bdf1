"""A day's people and upstreams: subscribers who ask all the time, and name servers that die and come back.

Everything is on loopback, each subscriber at an address of its own. Names under ``popular`` are asked by all
and live a second; others are asked once. Every name has the address RIGHT.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import dns.edns
import dns.exception
import dns.message
import dns.rcode

from tests.e2e.authority import free_port

RIGHT = "192.0.2.7"
POPULAR = 40
TTL = 1
PATIENCE = 6.0
"""seconds until a subscriber takes a question for lost; they ask once"""
_RECORD = struct.pack("!HHHIH4B", 0xC00C, 1, 1, TTL, 4, *map(int, RIGHT.split(".")))


def _answer(query: bytes) -> bytes:
    """The address that every name has: the query, its question kept, one record behind it, no OPT."""
    end = query.index(0, 12) + 5
    return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] + _RECORD


class Upstream:
    """A name server in a thread of its own. ``loss`` is the share of queries that it never sees."""

    def __init__(self) -> None:
        self.port = free_port()
        self.loss = 0.0
        self.asked = 0
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Be there."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._serve, args=(self._socket,))
        self._thread.start()

    def _serve(self, server: socket.socket) -> None:
        while True:
            query, peer = server.recvfrom(4096)
            if not query:
                return
            self.asked += 1
            if random.random() >= self.loss:
                server.sendto(_answer(query), peer)

    def stop(self) -> None:
        """Be gone: who asks hears from the system that nobody listens."""
        if self._socket is None or self._thread is None:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()
        self._socket = None


@contextlib.contextmanager
def upstreams(count: int) -> Iterator[list[Upstream]]:
    """So many, started; gone at the end."""
    made = [Upstream() for _ in range(count)]
    for each in made:
        each.start()
    try:
        yield made
    finally:
        for each in made:
            each.stop()


@dataclass
class Hour:
    """What came of the questions of a part of the day."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """``right``, ``stale``, ``failed`` (SERVFAIL), ``lost``, ``wrong``"""
    errors: Counter[int] = field(default_factory=Counter)
    """extended errors"""
    seconds: list[float] = field(default_factory=list)
    """how long each answer took"""

    @property
    def asked(self) -> int:
        """Questions."""
        return self.outcomes.total()

    def share(self, outcome: str) -> float:
        """How many of them ended so."""
        return self.outcomes[outcome] / max(self.asked, 1)

    def figures(self) -> str:
        """In one line."""
        ordered = sorted(self.seconds) or [0.0]
        marks = " ".join(
            f"{name} {ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000:.0f} ms"
            for name, part in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0))
        )
        counted = ", ".join(f"{count} {what}" for what, count in self.outcomes.most_common())
        told = ", ".join(f"EDE {code}: {count}" for code, count in sorted(self.errors.items()))
        return f"{self.asked} asked: {counted}; {marks}" + (f"; {told}" if told else "")

    def take(self, content: bytes, seconds: float) -> None:
        """Note an answer."""
        self.seconds.append(seconds)
        reply = dns.message.from_wire(content)
        codes = {int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)}
        self.errors.update(codes)
        addresses = [rdata.to_text() for rrset in reply.answer for rdata in rrset]
        if reply.rcode() == dns.rcode.SERVFAIL:
            self.outcomes["failed"] += 1
        elif addresses == [RIGHT]:
            self.outcomes["stale" if 3 in codes else "right"] += 1
        else:
            self.outcomes["wrong"] += 1


class _Subscriber(asyncio.DatagramProtocol):
    """One address that asks."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._waiting: dict[int, tuple[float, asyncio.TimerHandle, Hour]] = {}
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # 3.11 says less of it

    def ask(self, name: str) -> None:
        """Send one question."""
        query = dns.message.make_query(name, "A", use_edns=0)
        while query.id in self._waiting:
            query.id = dns.message.make_query(name, "A").id
        loop, hour = asyncio.get_running_loop(), self._people.hour
        timer = loop.call_later(PATIENCE, self._lost, query.id)
        self._waiting[query.id] = (loop.time(), timer, hour)
        self._transport.sendto(query.to_wire())

    def _lost(self, number: int) -> None:
        self._waiting.pop(number)[2].outcomes["lost"] += 1

    def datagram_received(self, content: bytes, peer: object) -> None:
        found = self._waiting.pop(int.from_bytes(content[:2], "big"), None)
        if found is not None:
            asked, timer, hour = found
            timer.cancel()
            hour.take(content, asyncio.get_running_loop().time() - asked)

    def error_received(self, error: Exception) -> None:
        """Nobody listens: the question is lost when its time is over."""

    @property
    def waiting(self) -> bool:
        """True if answers are due."""
        return bool(self._waiting)


class People:
    """All subscribers, asking at a steady rate; ``hour`` takes what comes of the questions that begin now."""

    def __init__(self, port: int, *, addresses: int = 50, per_second: int = 150) -> None:
        self.hour = Hour()
        self._port = port
        self._addresses = addresses
        self._pause = 1.0 / per_second
        self._numbers = itertools.count()
        self._asking: asyncio.Task[None] | None = None
        self._subscribers: list[_Subscriber] = []
        self._transports: list[asyncio.DatagramTransport] = []

    async def __aenter__(self) -> People:
        loop = asyncio.get_running_loop()
        for number in range(self._addresses):
            here = (f"127.0.2.{number + 1}", 0)
            transport, subscriber = await loop.create_datagram_endpoint(
                lambda: _Subscriber(self), here, ("127.0.0.1", self._port)
            )
            self._transports.append(transport)
            self._subscribers.append(subscriber)
        self._asking = loop.create_task(self._ask())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._asking is not None
        self._asking.cancel()
        for transport in self._transports:
            transport.close()

    async def _ask(self) -> None:
        """Every second question is for a popular name."""
        loop = asyncio.get_running_loop()
        began, done = loop.time(), 0
        while True:
            while done < (loop.time() - began) / self._pause:
                done += 1
                number = next(self._numbers)
                name = f"p{random.randrange(POPULAR)}.popular" if number % 2 else f"u{number}.once"
                random.choice(self._subscribers).ask(f"{name}.example")
            await asyncio.sleep(self._pause)

    async def live(self, seconds: float) -> Hour:
        """A part of the day. Answers that come when the next has begun count for it all the same."""
        self.hour = hour = Hour()
        await asyncio.sleep(seconds)
        return hour

    async def settle(self) -> None:
        """Ask no more, and wait until the last question has its answer or is lost."""
        assert self._asking is not None
        self._asking.cancel()
        while any(subscriber.waiting for subscriber in self._subscribers):
            await asyncio.sleep(0.05)
