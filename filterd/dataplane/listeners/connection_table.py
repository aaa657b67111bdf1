"""The table of open TCP connections, and the limits that they share (RFC 9210 §6, RFC 7766 §6).

- The number of connections, in total and per client prefix. Beyond a limit, the connection that has been idle
  longest (of all, or of that prefix) makes room for the new one; if none is idle, the new one is refused.
- The queries of one prefix that wait for upstreams. Beyond this limit the connections of the prefix queue up,
  and the first one continues when a query is answered.
- The connections whose client leaves answers unread. Each of them holds one answer in memory; beyond
  :data:`MOST_UNREAD` the one that has been unread longest is cut.
- Deadlines. Each connection tells when to check it next. A timer wheel holds these times, so that ten
  thousand idle connections need no timers of their own, and each check touches only the slots that are due.

Owned by the event loop. Time is passed in: seconds of a clock that does not go back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

SLOT = 0.25
"""seconds: a deadline is noticed this late at most"""
WAITING_PER_PREFIX = 400
"""the most queries of one client prefix over TCP that may wait for an upstream"""
MOST_UNREAD = 1000
"""connections with an answer in memory, of at most 64 KiB, that their clients do not read"""
_MAPPED = bytes(10) + b"\xff\xff"
_ALL = (1 << 128) - 1


class ConnectionEnding(StrEnum):
    """The reasons why a connection ended."""

    CLIENT = "client"
    """the client ended it"""
    LOST = "lost"
    """reset, or the network path is gone"""
    IDLE = "idle"
    INCOMPLETE = "incomplete"
    """the rest of a message, or of a PROXY header, did not come in time"""
    UNREAD = "unread"
    """the client did not read its answers"""
    SERVED = "served"
    """it reached its maximum number of queries"""
    NOT_A_MESSAGE = "not_a_message"
    NO_PROXY_HEADER = "no_proxy_header"
    MADE_ROOM = "made_room"
    """it had been idle longest when a new connection came"""
    FULL = "full"
    """refused: the table is full, and no connection is idle"""
    PREFIX_FULL = "prefix_full"
    """the same for the client's prefix"""
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of ``dns.tcp``."""

    connections: int = 10_000
    per_prefix: int = 150
    idle: float = 10.0
    """seconds: how long there may be no query, an incomplete message, or answers that are not read"""
    queries: int = 1000
    unsent: int = 32 * 1024
    """bytes of answers that the kernel keeps for one client before it is held back; the kernel takes as much
    again for its own records"""
    ipv4_prefix: int = 32
    ipv6_prefix: int = 56

    def prefix_of(self, client: bytes) -> int:
        """The number of the client's prefix; ``client`` has 16 bytes."""
        bits = 96 + self.ipv4_prefix if client.startswith(_MAPPED) else self.ipv6_prefix
        return int.from_bytes(client, "big") & (_ALL << (128 - bits))


class TableEntry(Protocol):
    """A connection as the table sees it."""

    slot: int
    """the slot of the timer wheel; set by the table"""
    prefix: Prefix | None
    """set by the table; None: the client is not known yet"""

    def deadline(self) -> tuple[float, ConnectionEnding | None]:
        """The time at which to cut the connection, and the reason; without one: when to check again."""

    def cut(self, ending: ConnectionEnding) -> None:
        """Cut the connection at once, and leave the table."""

    def resume(self) -> None:
        """Take the queries that were held back."""


class Prefix:
    """The connections of one client prefix."""

    __slots__ = ("count", "idle", "number", "queue", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = 0
        self.waiting = 0
        """queries that wait; also those of closed connections, until they are answered"""
        self.queue: dict[TableEntry, None] = {}
        """the connections that continue, in this order, as queries are answered"""
        self.idle: dict[TableEntry, None] = {}


class ConnectionTable:
    """All connections of all TCP listeners."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.ended: Counter[ConnectionEnding] = Counter()
        """ended connections by reason, refused ones included"""
        self._open: dict[TableEntry, None] = {}
        self._idle: dict[TableEntry, None] = {}
        self._unread: dict[TableEntry, None] = {}
        """in the order in which their clients stopped reading"""
        self._prefixes: dict[int, Prefix] = {}
        self._wheel: dict[int, dict[TableEntry, None]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[TableEntry]:
        return iter(tuple(self._open))

    def change(self, limits: ConnectionLimits) -> None:
        """Apply other limits. Open connections stay, but their deadlines are computed again."""
        self.limits = limits
        for connection in self._open:
            self._schedule(connection, connection.deadline()[0])

    def has_room(self) -> bool:
        """Return whether one more connection may come in; cuts the one idle longest if that makes room."""
        if len(self._open) < self.limits.connections or self.make_room():
            return True
        self.ended[ConnectionEnding.FULL] += 1
        return False

    def make_room(self) -> bool:
        """Cut the connection that has been idle longest; False: none is idle."""
        return self._cut_oldest(self._idle)

    def join(self, connection: TableEntry) -> None:
        """Add a new connection, which is idle as yet."""
        self._open[connection] = None
        self._idle[connection] = None
        self._schedule(connection, connection.deadline()[0])

    def claim(self, connection: TableEntry, client: bytes) -> bool:
        """Count the connection for its client (16 bytes). False: its prefix is full; cut it."""
        number = self.limits.prefix_of(client)
        prefix = self._prefixes.get(number)
        if prefix is None:
            prefix = self._prefixes[number] = Prefix(number)
        if prefix.count >= self.limits.per_prefix and not self._cut_oldest(prefix.idle):
            return False
        # The connection that was cut has left already, and its prefix may have been dropped with it.
        prefix = self._prefixes.setdefault(number, prefix)
        prefix.count += 1
        prefix.idle[connection] = None
        connection.prefix = prefix
        return True

    def mark_idle(self, connection: TableEntry) -> None:
        """Mark the connection as idle: it becomes the last one that would be cut to make room."""
        if connection not in self._open:
            return
        prefix = connection.prefix
        for order in (self._idle,) if prefix is None else (self._idle, prefix.idle):
            order.pop(connection, None)
            order[connection] = None

    def mark_busy(self, connection: TableEntry) -> None:
        """Mark the connection as busy, so that it is not cut for another one."""
        self._idle.pop(connection, None)
        if connection.prefix is not None:
            connection.prefix.idle.pop(connection, None)

    def mark_unread(self, connection: TableEntry) -> None:
        """Mark the connection as one whose client leaves an answer unread; the oldest may be cut for it."""
        if connection not in self._open:
            return
        self.mark_busy(connection)
        self._unread[connection] = None
        if len(self._unread) > MOST_UNREAD:
            next(iter(self._unread)).cut(ConnectionEnding.UNREAD)

    def mark_read(self, connection: TableEntry) -> None:
        """The client has read all that was kept for it."""
        self._unread.pop(connection, None)

    def may_wait(self, connection: TableEntry) -> bool:
        """Return whether one more query of this client may wait for an upstream."""
        prefix = connection.prefix
        return prefix is None or prefix.waiting < WAITING_PER_PREFIX

    def queue_up(self, connection: TableEntry) -> None:
        """Let the connection continue when another query of its client is answered."""
        prefix = connection.prefix
        if prefix is not None and connection in self._open:
            self.mark_busy(connection)
            prefix.queue[connection] = None

    def wait(self, connection: TableEntry) -> None:
        """Count one more query that waits for an upstream."""
        self.mark_busy(connection)
        if connection.prefix is not None:
            connection.prefix.waiting += 1

    def answered(self, connection: TableEntry) -> None:
        """Count one waiting query less; to be called even if the connection is closed by then."""
        prefix = connection.prefix
        if prefix is None:
            return
        prefix.waiting -= 1
        self._forget_empty(prefix)
        # A connection may have nothing left to ask; then the next one continues.
        while prefix.queue and prefix.waiting < WAITING_PER_PREFIX:
            first = next(iter(prefix.queue))
            del prefix.queue[first]
            first.resume()

    def leave(self, connection: TableEntry, ending: ConnectionEnding) -> None:
        """Remove a connection that ended; has no effect if it was removed before."""
        if connection not in self._open:
            return
        self.ended[ending] += 1
        self.mark_busy(connection)
        self.mark_read(connection)
        del self._open[connection]
        self._unschedule(connection)
        prefix = connection.prefix
        if prefix is not None:
            prefix.count -= 1
            prefix.queue.pop(connection, None)
            self._forget_empty(prefix)

    def cut_overdue(self, now: float) -> None:
        """Cut the connections whose deadline has passed; to be called about every ``SLOT`` seconds."""
        current = int(now / SLOT)
        for slot in [slot for slot in self._wheel if slot < current]:
            for connection in tuple(self._wheel.get(slot, ())):
                self._check(connection, now)

    def _forget_empty(self, prefix: Prefix) -> None:
        """Forget a prefix that has neither connections nor waiting queries."""
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
        oldest.cut(ConnectionEnding.MADE_ROOM)
        return True
