"""Clients who count what they lose: ``load.py ADDRESS PORT RATE STOP-FILE`` asks RATE queries a second until
the file is there, waits for late answers, and prints what came as JSON. Runs in the machine, on its Python.

Nobody asks twice: a query without an answer is lost. One in four is for a name that an order blocks and that
the upstream has an address for; one in four is for a name that nobody asked before, and is forwarded.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import sys
import time
from collections import Counter
from pathlib import Path

SOCKETS = 16
PATIENCE = 4.0
"""seconds after the last query, in which answers still count"""
BLOCKED, UNSEEN = 0, 1
"""remainders of a query's number by four"""
FORMAT = struct.Struct("!HHHHHH")


def query_of(number: int, identity: int) -> bytes:
    """The number-th query."""
    kind = number % 4
    name = {BLOCKED: f"b{number}.blocked.example", UNSEEN: f"u{number}.open.example"}.get(
        kind, f"c{number % 40}.open.example"
    )
    words = b"".join(bytes([len(word)]) + word.encode() for word in name.split("."))
    return FORMAT.pack(identity, 0x0100, 1, 0, 0, 0) + words + b"\0\0\1\0\1"


class Clients:
    """The sockets, what is under way on them, and the counts."""

    def __init__(self, address: str, port: int) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
        for each in self.sockets:
            each.setblocking(False)
            each.connect((address, port))
        self.waiting: list[dict[int, int]] = [{} for _ in range(SOCKETS)]
        self.counts: Counter[str] = Counter()
        self.last_answer = time.monotonic()
        self.longest = 0.0

    def send(self, number: int) -> None:
        """Ask once."""
        place, identity = number % SOCKETS, number // SOCKETS % 65536
        self.counts["sent"] += 1
        self.waiting[place][identity] = number
        for _ in range(2):  # a connected socket tells first of a port that was closed at an earlier query
            with contextlib.suppress(ConnectionRefusedError):
                self.sockets[place].send(query_of(number, identity))
                return

    def receive(self, wait: float) -> None:
        """Take the answers that are there, waiting so many seconds for the first."""
        readable, _, _ = select.select(self.sockets, [], [], wait)
        for each in readable:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                while True:
                    self._take(self.sockets.index(each), each.recv(4096))

    def _take(self, place: int, answer: bytes) -> None:
        identity, flags, _, records, _, _ = FORMAT.unpack_from(answer)
        number = self.waiting[place].pop(identity, None)
        if number is None:
            self.counts["twice"] += 1
            return
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last_answer)
        self.last_answer = now
        rcode = flags & 15
        self.counts["answered"] += 1
        self.counts[f"rcode {rcode}"] += 1
        if number % 4 == BLOCKED:
            self.counts["unfiltered" if records or rcode == 0 else "filtered"] += 1

    def report(self) -> dict[str, float]:
        """The counts; what is still under way is lost."""
        lost = sum(map(len, self.waiting))
        return {"unfiltered": 0, "twice": 0, **self.counts, "lost": lost, "longest": round(self.longest, 3)}


def main() -> None:
    """Ask until the file is there."""
    address, port, rate, stop = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    clients = Clients(address, port)
    began, number = time.monotonic(), 0
    # Numbers that no earlier run has used: what nobody asked before is not in the cache.
    first = time.time_ns() // 1_000_000 % 1_000_000_000 * 16
    while number % 100 or not stop.exists():
        now = time.monotonic()
        if now < began + number / rate:
            clients.receive(began + number / rate - now)
            continue
        clients.send(first + number)
        number += 1
        clients.receive(0)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and any(clients.waiting):
        clients.receive(0.05)
    print(json.dumps({**clients.report(), "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
