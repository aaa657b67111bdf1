"""Load for the fast path, bounded: clients that ask as soon as they are answered, and an upstream."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.worlds.fast import PATIENCE, query

SOCKETS = 8
EACH = 8
"""queries that a client has on their way"""
EDE = b"\0\x0f\0\x02\0"
"""an extended error without text, but for its code"""

Kind = Callable[[int], bytes]
"""the query with this number"""
Judge = Callable[[bytes], str]
"""what an answer is: a word"""


def word_of(answer: bytes) -> str:
    """``16`` and the like for an extended error without text, ``answered`` for an answer, else the rcode."""
    rcode, place = answer[3] & 15, answer.find(EDE)
    if place >= 0:
        return str(answer[place + len(EDE)])
    return "answered" if rcode == 0 and answer[7] else f"rcode {rcode}"


@dataclass
class Client:
    """One socket. It asks in turn for each of the names, ``{}`` in them is a number that comes once."""

    port: int
    kinds: tuple[str, ...]
    first: int
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    """kind and word"""
    waiting: dict[int, str] = field(default_factory=dict)
    asked: int = 0
    faults: list[str] = field(default_factory=list)
    sock: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(("127.0.0.1", self.port))

    def ask(self) -> None:
        kind = self.kinds[self.asked % len(self.kinds)]
        number = self.asked & 0xFFFF
        wire = query(kind.format(f"{self.first}-{self.asked}")) if "{}" in kind else _known(kind)
        self.sock.send(number.to_bytes(2, "big") + wire[2:])
        self.waiting[number] = kind
        self.asked += 1

    def hear(self) -> None:
        wire = self.sock.recv(4096)
        kind = self.waiting.pop(int.from_bytes(wire[:2], "big"), None)
        if kind is None:
            self.faults.append("an answer that nobody waits for")
        else:
            self.found[kind, word_of(wire)] += 1


_queries: dict[str, bytes] = {}


def _known(name: str) -> bytes:
    return _queries.setdefault(name, query(name))


@dataclass
class Load:
    """All clients, on a thread of their own."""

    clients: list[Client]
    stopping: threading.Event = field(default_factory=threading.Event)
    answered: int = 0
    faults: list[str] = field(default_factory=list)

    def found(self) -> dict[tuple[str, str], int]:
        """How often each kind of query got each kind of answer."""
        return dict(sum((each.found for each in self.clients), Counter()))

    def run(self) -> None:
        """Until told to stop, and until nobody waits any more."""
        by_socket = {each.sock: each for each in self.clients}
        for each in self.clients:
            for _ in range(EACH):
                each.ask()
        while any(each.waiting for each in self.clients):
            ready, _, _ = select.select(list(by_socket), [], [], PATIENCE)
            if not ready:
                lost = sum((Counter(each.waiting.values()) for each in self.clients), Counter())
                self.faults.append(f"lost: {dict(lost)}")
                return
            for sock in ready:
                by_socket[sock].hear()
                self.answered += 1
                if not self.stopping.is_set():
                    by_socket[sock].ask()

    def wait_for_more(self, count: int) -> None:
        """Until so many more answers have come, or something went wrong."""
        wanted, end = self.answered + count, time.monotonic() + PATIENCE
        while self.answered < wanted and not self.faults:
            assert time.monotonic() < end, "no answers come"
            time.sleep(0.0005)


@contextmanager
def load(port: int, *kinds: str) -> Iterator[Load]:
    """At work meanwhile; afterwards no query may be without its answer."""
    made = Load([Client(port, kinds, number) for number in range(SOCKETS)])
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stopping.set()
        thread.join(3 * PATIENCE)
        for each in made.clients:
            made.faults += each.faults
            each.sock.close()
    assert not thread.is_alive()
    assert made.faults == []


def reply_to(wire: bytes) -> bytes:
    """An answer with one address to a query that asks one question."""
    end = wire.index(b"\0", 12) + 5
    head = wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    return head + wire[12:end] + b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\x63"


@contextmanager
def upstream() -> Iterator[int]:
    """One that answers every question at once; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])

        def run() -> None:
            while True:
                wire, source = sock.recvfrom(4096)
                if not wire:
                    return
                sock.sendto(reply_to(wire), source)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", port))
            thread.join(PATIENCE)
