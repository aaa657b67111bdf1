"""The TCP connections that are open, and the limits that hold for them together (RFC 9210 §6, RFC 7766 §6).

- In all, and for each client prefix: beyond either number the connection that has been idle longest (of
  all, or of that prefix) makes room for the new one; where none is idle, the new one is refused.
- Queries that wait for upstreams have a place among all of the resolver's; one prefix may take so many of
  them. Beyond, its connections stand in line, and the first goes on when a query is answered.
- Deadlines: a connection says when it is next to be looked at. A wheel of slots holds them, so that ten
  thousand idle ones cost no timer each, and one turn looks only at those whose time may have come.

Owned by the event loop. Time is passed in: seconds of a clock that does not go back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

SLOT = 0.25
"""seconds: how late a deadline may be noticed"""
WAITING_PER_PREFIX = 400
"""queries of one client prefix, over TCP, that wait for an upstream at one time"""
_MAPPED = bytes(10) + b"\xff\xff"
_ALL = (1 << 128) - 1


class Ending(StrEnum):
    """Why a connection ended."""

    CLIENT = "client"
    """the client ended it"""
    LOST = "lost"
    """reset, or the way is gone"""
    IDLE = "idle"
    INCOMPLETE = "incomplete"
    """the rest of a message, or of a PROXY header, did not come in time"""
    UNREAD = "unread"
    """the client did not read its answers"""
    SERVED = "served"
    """it had its number of queries"""
    NOT_A_MESSAGE = "not_a_message"
    NO_PROXY_HEADER = "no_proxy_header"
    MADE_ROOM = "made_room"
    """it was idle longest when a new one came"""
    FULL = "full"
    """refused: all connections are taken, and none is idle"""
    PREFIX_FULL = "prefix_full"
    """the same for the client's prefix"""
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What clients may take; see ``dns.tcp``."""

    connections: int = 10_000
    per_prefix: int = 150
    idle: float = 10.0
    """seconds, for a connection without a query, a message on its way, and answers that are not read"""
    queries: int = 1000
    unsent: int = 64 * 1024
    """bytes"""
    ipv4_prefix: int = 32
    ipv6_prefix: int = 56

    def prefix_of(self, client: bytes) -> int:
        """Whose connection it is; ``client`` has 16 bytes."""
        bits = 96 + self.ipv4_prefix if client.startswith(_MAPPED) else self.ipv6_prefix
        return int.from_bytes(client, "big") & (_ALL << (128 - bits))


class TableEntry(Protocol):
    """A connection as the table sees it."""

    slot: int
    """where the wheel holds it; the table's own"""
    prefix: Prefix | None
    """the table's own; None: the client is not known yet"""

    def deadline(self) -> tuple[float, Ending | None]:
        """When it is to be cut unless something happens, and why; None: when to look again."""

    def cut(self, ending: Ending) -> None:
        """End it at once, and leave the table."""

    def go_on(self) -> None:
        """Its turn has come: take what was held back."""


class Prefix:
    """The connections of one client prefix."""

    __slots__ = ("count", "idle", "line", "number", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = 0
        self.waiting = 0
        """queries; of connections that are gone too, until they are answered"""
        self.line: dict[TableEntry, None] = {}
        """who goes on when a query is answered"""
        self.idle: dict[TableEntry, None] = {}


class ConnectionTable:
    """All connections of all TCP listeners."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.ended: Counter[Ending] = Counter()
        """connections that ended, refused ones among them"""
        self._open: dict[TableEntry, None] = {}
        self._idle: dict[TableEntry, None] = {}
        self._prefixes: dict[int, Prefix] = {}
        self._wheel: dict[int, dict[TableEntry, None]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[TableEntry]:
        return iter(tuple(self._open))

    def change(self, limits: ConnectionLimits) -> None:
        """These hold from now on. Who is there stays, but deadlines are counted anew."""
        self.limits = limits
        for connection in self._open:
            self._schedule(connection, connection.deadline()[0])

    def has_room(self) -> bool:
        """Whether one more may come in; the one that was idle longest is cut for it."""
        if len(self._open) < self.limits.connections or self.make_room():
            return True
        self.ended[Ending.FULL] += 1
        return False

    def make_room(self) -> bool:
        """Cut the connection that has been idle longest; False: none is idle."""
        return self._cut_oldest(self._idle)

    def join(self, connection: TableEntry) -> None:
        """A new connection, idle as yet."""
        self._open[connection] = None
        self._idle[connection] = None
        self._schedule(connection, connection.deadline()[0])

    def claim(self, connection: TableEntry, client: bytes) -> bool:
        """Its client is known now (16 bytes). False: the prefix has all it may have; to be cut."""
        number = self.limits.prefix_of(client)
        prefix = self._prefixes.get(number)
        if prefix is None:
            prefix = self._prefixes[number] = Prefix(number)
        if prefix.count >= self.limits.per_prefix and not self._cut_oldest(prefix.idle):
            return False
        # Whoever was cut has left already: the prefix may be a new one.
        prefix = self._prefixes.setdefault(number, prefix)
        prefix.count += 1
        prefix.idle[connection] = None
        connection.prefix = prefix
        return True

    def rest(self, connection: TableEntry) -> None:
        """It has nothing to do from now on: the last of those that make room."""
        if connection not in self._open:
            return
        prefix = connection.prefix
        for order in (self._idle,) if prefix is None else (self._idle, prefix.idle):
            order.pop(connection, None)
            order[connection] = None

    def busy(self, connection: TableEntry) -> None:
        """It waits for an answer, or for its client to read: not to be cut for another."""
        self._idle.pop(connection, None)
        if connection.prefix is not None:
            connection.prefix.idle.pop(connection, None)

    def may_wait(self, connection: TableEntry) -> bool:
        """Whether one more query of this client may wait for an upstream."""
        prefix = connection.prefix
        return prefix is None or prefix.waiting < WAITING_PER_PREFIX

    def line_up(self, connection: TableEntry) -> None:
        """It goes on when another query of its client is answered."""
        prefix = connection.prefix
        if prefix is not None and connection in self._open:
            self.busy(connection)
            prefix.line[connection] = None

    def wait(self, connection: TableEntry) -> None:
        """A query of it waits for an upstream."""
        self.busy(connection)
        if connection.prefix is not None:
            connection.prefix.waiting += 1

    def answered(self, connection: TableEntry) -> None:
        """A query of it waits no more; to be said also when the connection is gone."""
        prefix = connection.prefix
        if prefix is None:
            return
        prefix.waiting -= 1
        self._forget_empty(prefix)
        first = next(iter(prefix.line), None)
        if first is not None:
            del prefix.line[first]
            first.go_on()

    def leave(self, connection: TableEntry, ending: Ending) -> None:
        """It is over; without effect for one that left before."""
        if connection not in self._open:
            return
        self.ended[ending] += 1
        self.busy(connection)
        del self._open[connection]
        self._unschedule(connection)
        prefix = connection.prefix
        if prefix is not None:
            prefix.count -= 1
            prefix.line.pop(connection, None)
            self._forget_empty(prefix)

    def cut_overdue(self, now: float) -> None:
        """Cut those whose time is over; to be called every ``SLOT`` seconds or so."""
        current = int(now / SLOT)
        for slot in [slot for slot in self._wheel if slot < current]:
            for connection in tuple(self._wheel.get(slot, ())):
                self._check(connection, now)

    def _forget_empty(self, prefix: Prefix) -> None:
        """A prefix is known while it has connections, or queries that wait."""
        if not (prefix.count or prefix.waiting):
            self._prefixes.pop(prefix.number, None)

    def _check(self, connection: TableEntry, now: float) -> None:
        due, ending = connection.deadline()
        if ending is None or due > now:
            self._schedule(connection, max(due, now + SLOT))
        else:
            connection.cut(ending)

    def _schedule(self, connection: TableEntry, due: float) -> None:
        self._unschedule(connection)
        connection.slot = int(due / SLOT)
        self._wheel.setdefault(connection.slot, {})[connection] = None

    def _unschedule(self, connection: TableEntry) -> None:
        due_then = self._wheel.get(connection.slot)
        if due_then is not None:
            due_then.pop(connection, None)
            if not due_then:
                del self._wheel[connection.slot]

    def _cut_oldest(self, order: dict[TableEntry, None]) -> bool:
        oldest = next(iter(order), None)
        if oldest is None:
            return False
        oldest.cut(Ending.MADE_ROOM)
        return True
