"""The clients: a thread that asks a resolver all the while, and judges each answer.

Every ten milliseconds two mandatory names, a name that must be served and a name of a category are asked
over UDP; at the end of a round all are asked once, some over TCP. Every answer is held against what had been
acknowledged when it was asked for.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode

from tests.chaos.truth import Answer, Kind, Name, Truth
from tests.e2e.day import RIGHT

PERIOD = 0.010
PER_PERIOD = ((Kind.MANDATORY, 2), (Kind.CONTROL, 1), (Kind.CHOICE, 1))
RECENT = 3
"""of the mandatory names in a period one is among so many of the newest: those are at stake"""
PATIENCE = 0.5
"""seconds after which a question counts as not answered"""
REASONS = frozenset({16, 17})
"""extended errors of a block: Censored, Filtered (RFC 8914)"""
ADDRESS = socket.inet_aton(RIGHT)


def answer_of(message: dns.message.Message) -> Answer:
    """The kind of an answer. The upstream knows every name: NXDOMAIN without a reason is a failure."""
    if any(each.to_text() == RIGHT for rrset in message.answer for each in rrset):
        return Answer.UNFILTERED
    codes = {int(each.code) for each in message.options if isinstance(each, dns.edns.EDEOption)}
    if codes & REASONS and message.rcode() == dns.rcode.NXDOMAIN:
        return Answer.BLOCKED
    return Answer.FAILED


@dataclass
class Seen:
    """The last that was heard for a name."""

    answer: Answer
    sent: float


@dataclass
class Asker:
    """Asks the resolver on a port of loopback from :meth:`start` to :meth:`stop`."""

    port: int
    truth: Truth
    seen: dict[Name, Seen] = field(default_factory=dict)
    counts: Counter[Answer] = field(default_factory=Counter)
    _open: dict[tuple[str, int], tuple[Name, float]] = field(default_factory=dict)
    _known: dict[bytes, Answer] = field(default_factory=dict)
    _sockets: dict[str, socket.socket] = field(default_factory=dict)
    _turn: int = 0
    _number: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._thread = threading.Thread(target=self._run, name="asker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        for each in self._sockets.values():
            each.close()

    def now(self, name: Name, *, tcp: bool = False, timeout: float = PATIENCE) -> Answer:
        """Ask once, in the caller's thread, and judge the answer too."""
        query = dns.message.make_query(name.name, "A", use_edns=0)
        send = dns.query.tcp if tcp else dns.query.udp
        sent = time.monotonic()
        try:
            message = send(query, "127.0.0.1", port=self.port, source=name.source, timeout=timeout)
        except (OSError, dns.exception.DNSException, EOFError):
            return Answer.SILENT
        found = answer_of(message)
        self.truth.judge(name, found, sent, time.monotonic())
        return found

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ended.is_set():
            due = max(due + PERIOD, time.monotonic() - PERIOD)
            for name in self._picked():
                self._ask(name)
            while (left := due - time.monotonic()) > 0:
                self._hear(left)
            self._give_up()

    def _picked(self) -> list[Name]:
        self._turn += 1
        found: list[Name] = []
        for kind, count in PER_PERIOD:
            names = self.truth.of(kind)
            if names:
                found.append(names[self._turn % len(names)])
            if names and count > 1:
                recent = names[-RECENT:]
                found.append(recent[self._turn % len(recent)])
        return found

    def _ask(self, name: Name) -> None:
        bound = self._sockets.get(name.source)
        if bound is None:
            bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            bound.bind((name.source, 0))
            self._sockets[name.source] = bound
        self._number = self._number + 1 & 0xFFFF
        number = self._number
        now = time.monotonic()
        self._open[name.source, number] = (name, now)
        with contextlib.suppress(OSError):
            bound.sendto(_query(number, name.name), ("127.0.0.1", self.port))

    def _hear(self, seconds: float) -> None:
        ready, _, _ = select.select(list(self._sockets.values()), [], [], seconds)
        now = time.monotonic()
        for bound in ready:
            source = bound.getsockname()[0]
            with contextlib.suppress(OSError):
                while True:
                    self._take(source, bound.recv(4096), now)

    def _take(self, source: str, packet: bytes, now: float) -> None:
        if len(packet) < 12:
            return
        asked = self._open.pop((source, struct.unpack_from("!H", packet)[0]), None)
        if asked is None:
            return
        name, sent = asked
        if packet[12 : 12 + len(name.name) + 2] != _wire(name.name):
            return
        self._note(name, self._answer(packet), sent, now)

    def _answer(self, packet: bytes) -> Answer:
        found = self._known.get(packet[2:])
        if found is None:
            try:
                found = answer_of(dns.message.from_wire(packet))
            except dns.exception.DNSException:
                found = Answer.FAILED
            if len(self._known) > 4096:
                self._known.clear()
            self._known[packet[2:]] = found
        return found

    def _note(self, name: Name, answer: Answer, sent: float, received: float) -> None:
        self.counts[answer] += 1
        self.truth.judge(name, answer, sent, received)
        before = self.seen.get(name)
        if before is None or before.sent < sent:
            self.seen[name] = Seen(answer, sent)

    def _give_up(self) -> None:
        late = time.monotonic() - PATIENCE
        for key, (name, sent) in list(self._open.items()):
            if sent < late:
                del self._open[key]
                self._note(name, Answer.SILENT, sent, sent + PATIENCE)


def _wire(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _query(number: int, name: str) -> bytes:
    """A question for the address, with EDNS (RFC 6891): 1232 bytes fit."""
    head = struct.pack("!6H", number, 0x0100, 1, 0, 0, 1)
    return head + _wire(name) + b"\0\1\0\1" + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
