"""Clients that ask all the time: ``python -m tests.e2e.steady_load udp|tcp PORT PER_SECOND``.

They ask until standard input ends, wait for the answers that are outstanding, and print what came of every
query as JSON. Every second query is for a banned name, every twentieth for one that nobody has asked yet.
It knows DNS by its bytes alone and shares no code with filterd.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
import sys
import threading
import time
from collections import Counter

BANNED = "banned.example"
FINE = "fine.example"
PATIENCE = 5.0
"""seconds for which an answer is waited for at the end"""
CLIENTS = 48
"""sockets of clients over UDP: the kernel spreads them over the listening sockets"""
CONNECTIONS = 12
QUERIES = 40
"""of one connection over TCP"""
_OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
_CENSORED = b"\0\x0f"
"""the extended error option; its code follows the length"""


def query(number: int, name: str) -> bytes:
    """An A query with EDNS."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 1) + labels + b"\0\0\1\0\1" + _OPT


def name_of(count: int) -> str:
    """The name of the query with this number."""
    if count % 2:
        return BANNED
    return f"n{os.getpid()}-{count}.fresh.example" if count % 20 == 0 else FINE


def judge(name: str, answer: bytes) -> str:
    """The outcome of a query in a word."""
    rcode, records = answer[3] & 15, int.from_bytes(answer[6:8], "big")
    if rcode == 2:
        return "servfail" if name == BANNED else "failed_upstream"
    if name == BANNED:
        at = answer.rfind(_CENSORED)
        censored = at >= 0 and answer[at + 4 : at + 6] == b"\0\x10"
        return "blocked" if censored and rcode == 3 and not records else "unfiltered"
    if name == FINE:
        return "answered" if rcode == 0 and records == 1 else "wrong"
    return "answered" if rcode == 3 else "wrong"


class Udp:
    """All clients over UDP, on one thread."""

    def __init__(self, port: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._selector = selectors.DefaultSelector()
        self._waiting: list[dict[int, str]] = []
        self._sockets: list[socket.socket] = []
        for place in range(CLIENTS):
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.bind((f"127.0.{place}.7", 0))
            made.connect(("127.0.0.1", port))
            made.setblocking(False)
            self._selector.register(made, selectors.EVENT_READ, place)
            self._sockets.append(made)
            self._waiting.append({})

    def run(self, per_second: float, ended: threading.Event) -> None:
        """Ask at a steady rate until told to end; then wait for what is outstanding."""
        began, sent = time.monotonic(), 0
        while not ended.is_set():
            due = int((time.monotonic() - began) * per_second)
            for count in range(sent, due):
                self._send(count)
            sent = max(sent, due)
            self._receive(0.002)
        end = time.monotonic() + PATIENCE
        while any(self._waiting) and time.monotonic() < end:
            self._receive(0.05)
        self.outcomes["sent"] = sent
        self.outcomes["lost"] += sum(map(len, self._waiting))

    def _send(self, count: int) -> None:
        place, number = count % CLIENTS, (count // CLIENTS) & 0xFFFF
        name = name_of(count)
        if number in self._waiting[place]:
            self.outcomes["lost"] += 1
        self._waiting[place][number] = name
        with contextlib.suppress(ConnectionRefusedError):  # told of an earlier one: that one stays unanswered
            self._sockets[place].send(query(number, name))

    def _receive(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                while True:
                    answer = self._sockets[key.data].recv(4096)
                    name = self._waiting[key.data].pop(int.from_bytes(answer[:2], "big"), None)
                    self.outcomes[judge(name, answer) if name else "twice"] += 1


class Tcp:
    """One client over TCP, which keeps its connection for a while; RFC 7766 lets the server end it, and has
    the client ask again."""

    def __init__(self, port: int, place: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._port = port
        self._place = place
        self._socket: socket.socket | None = None
        self._asked = 0

    def run(self, per_second: float, ended: threading.Event) -> None:
        """Ask until told to end."""
        count = self._place
        while not ended.wait(1 / per_second):
            count += CONNECTIONS + 1
            self.outcomes["sent"] += 1
            self.outcomes[self._ask(count)] += 1
        self._hang_up()

    def _ask(self, count: int) -> str:
        for _ in range(2):
            try:
                return self._try(count)
            except ConnectionRefusedError:
                self._hang_up()
                return "lost"
            except OSError:
                self._hang_up()
                self.outcomes["cut"] += 1
        return "lost"

    def _try(self, count: int) -> str:
        name = name_of(count)
        if self._socket is None or self._asked >= QUERIES:
            self._hang_up()
            self._socket = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        self._asked += 1
        message = query(count & 0xFFFF, name)
        self._socket.sendall(len(message).to_bytes(2, "big") + message)
        answer = self._read(int.from_bytes(self._read(2), "big"))
        return judge(name, answer)

    def _read(self, size: int) -> bytes:
        assert self._socket is not None
        found = b""
        while len(found) < size:
            piece = self._socket.recv(size - len(found))
            if not piece:
                raise ConnectionResetError
            found += piece
        return found

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._asked = None, 0


def main(kind: str, port: int, per_second: float) -> dict[str, int]:
    """Ask until standard input ends; return the outcomes."""
    ended = threading.Event()
    asking: list[Udp | Tcp] = [Udp(port)] if kind == "udp" else [Tcp(port, n) for n in range(CONNECTIONS)]
    threads = [threading.Thread(target=each.run, args=(per_second / len(asking), ended)) for each in asking]
    for each in threads:
        each.start()
    sys.stdin.read()
    ended.set()
    for each in threads:
        each.join()
    return dict(sum((each.outcomes for each in asking), Counter[str]()))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
