"""Threads of the fast path on sockets of loopback, and what they are asked."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

import dns.edns
import dns.message
import dns.rcode

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastThread, Punted
from filterd.dataplane.listeners.socket_binding import bind_udp
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.model.mandatory import Mandate
from filterd.policy.classes import BIT_LOCALHOST, FIXED, Classes
from tests.unit.dataplane.conftest import SEED, Rules
from tests.worlds.policy import Placed, World

FRONT = "127.0.0.7"
"""who sends PROXY headers"""
BANNED = "banned.example"
CLIENTS = ("127.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32", "::1/128", "fe80::/10")
PATIENCE = 20.0
"""seconds after which what a test waits for will not come"""


def banning(*names: str) -> World:
    """An order stands on these names; ``localhost`` is known."""
    rules = (Placed("localhost", BIT_LOCALHOST), *(Placed(name, mandatory=1) for name in names))
    return World(Classes(FIXED), rules, (Mandate(1, "1"),))


def make_packets(*, size: int = 1 << 20, world: World | None = None, identified: bool = True) -> Plane:
    """Packets of :data:`CLIENTS` over a published state in which :data:`BANNED` is banned."""
    packets = Plane(
        Prefixes(SEED, CLIENTS), ResponseCache(size, SEED), Rules(), None, Prefixes(SEED, [f"{FRONT}/32"])
    )
    publish(packets, world or banning(BANNED), identified=identified)
    return packets


def publish(packets: Plane, world: World | None, *, identified: bool = True) -> None:
    """Put the world in force; None: the mandatory part is missing."""
    state = None if world is None else world.native
    packets.publish(state, Lines(SEED), BindingTables(Addresses(SEED)), identified)


def query(name: str, kind: str = "A", options: Sequence[dns.edns.Option] = ()) -> bytes:
    """A query with EDNS."""
    made = dns.message.make_query(name, kind, use_edns=0, options=list(options))
    return made.to_wire(max_size=65535)


def read(wire: bytes | None) -> dns.message.Message:
    """The answer, of which there is one."""
    assert wire is not None
    return dns.message.from_wire(wire)


def codes(message: dns.message.Message) -> list[int]:
    """The codes of its extended errors."""
    return [int(option.code) for option in message.extended_errors()]


def rcode_of(wire: bytes | None) -> dns.rcode.Rcode | None:
    """None for silence."""
    return None if wire is None else read(wire).rcode()


def until(comes: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE
    while not comes():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.001)


@dataclass
class Crew:
    """Some threads on shared addresses, without an event loop: what they punt is taken by :meth:`punted`."""

    packets: Plane
    count: int = 1
    routes: Routes = field(init=False)
    news: int = field(init=False)
    fast: list[FastThread] = field(init=False)
    _sockets: dict[tuple[int, ...], contextlib.ExitStack] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.routes = Routes(self.count)
        self.fast = [
            FastThread(self.packets, self.routes, number, self.news, SEED) for number in range(self.count)
        ]

    def open(self, host: str = "127.0.0.1", port: int = 0) -> tuple[tuple[int, ...], int]:
        """Serve an address: its listening sockets, and the port."""
        address = ip_address(host)
        sockets = bind_udp(address, port, self.count)
        served = int(sockets[0].getsockname()[1])
        with contextlib.ExitStack() as opened:
            for each in sockets:
                opened.enter_context(each)
            listen_sockets = tuple(
                fast.open_listen_socket(each.fileno(), address.is_unspecified)
                for fast, each in zip(self.fast, sockets, strict=True)
            )
            self._sockets[listen_sockets] = opened.pop_all()
        return listen_sockets, served

    def shut(self, listen_sockets: tuple[int, ...]) -> None:
        """Serve it no longer."""
        for fast, listen_socket in zip(self.fast, listen_sockets, strict=True):
            fast.close_listen_socket(listen_socket)
        self._sockets.pop(listen_sockets).close()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Serve meanwhile."""
        threads = [threading.Thread(target=fast.run) for fast in self.fast]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for fast in self.fast:
                fast.stop()
            for thread in threads:
                thread.join(PATIENCE)
            assert not any(thread.is_alive() for thread in threads)

    def drops(self, reason: str) -> int:
        """Of all threads."""
        return sum(fast.counts().drops[reason] for fast in self.fast)

    def punted(self) -> tuple[FastThread, Punted]:
        """The next exchange that is left to the slow path, and by whom."""
        while True:
            for fast in self.fast:
                if (punted := fast.take()) is not None:
                    return fast, punted
            assert select.select([self.news], [], [], PATIENCE)[0], "no punt comes"
            os.eventfd_read(self.news)

    def close(self) -> None:
        """Not at work any more."""
        for listen_sockets in list(self._sockets):
            self.shut(listen_sockets)
        os.close(self.news)


@contextlib.contextmanager
def crew(packets: Plane, count: int = 1) -> Iterator[Crew]:
    """A crew that is not at work yet."""
    made = Crew(packets, count)
    try:
        yield made
    finally:
        made.close()


def client(source: str = "127.0.0.1") -> socket.socket:
    """A client's socket."""
    made = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(PATIENCE)
    made.bind((source, 0))
    return made


def ask(port: int, packet: bytes, source: str = "127.0.0.1", host: str = "127.0.0.1") -> bytes:
    """The answer, from the address that was asked and no other."""
    with client(source) as sock:
        sock.connect((host, port))
        sock.send(packet)
        return sock.recv(65535)


def has_answer(sock: socket.socket) -> bool:
    """True if one is there already."""
    return bool(select.select([sock], [], [], 0)[0])


def recorded(packets: Sequence[bytes], address: str = "192.0.2.1") -> list[tuple[bytes, bytes]]:
    """As ``drive`` takes them, all of one client."""
    packed = ip_address(address).packed
    wide = packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed
    return [(packet, wide) for packet in packets]
