"""One client's TCP connection (RFC 7766): pipelined queries, answered in whatever order they are ready.

A client that asks too much, or does not read its answers, is held back: the connection takes no more queries
until answers have gone out, so that the TCP window closes. An answer is made only when the one before it is
wholly in the kernel's buffer: at most one waits in memory, however many queries are under way. Only a client
that has read nothing for ``idle`` seconds is cut. A connection that ends first sends the answers it
still owes, closes its own side, and waits for the client to close. Closing with unread queries would reset
the connection, and the client would lose answers that are on their way.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import struct
import termios
from collections import deque
from typing import cast

from filterd.dataplane.listeners.connection_table import ConnectionEnding, Prefix
from filterd.dataplane.listeners.framing import Framing
from filterd.dataplane.listeners.listener_context import ListenerContext
from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.packet.unwrap import source_of
from filterd.dataplane.slow.quota import client_key
from filterd.dataplane.slow.turns import SLICE
from filterd.wire.proxy import LONGEST, ProxyProblem, parse_header

TURN = 32
"""queries that are taken from one connection before others get their turn"""
MAX_WAITING = 100
"""the most queries of one connection that may wait for an upstream"""
_LENGTH = struct.Struct("i")


class ClientConnection(asyncio.BufferedProtocol):
    """One connection, from its acceptance to its end. Owned by the event loop."""

    __slots__ = (
        "_client",
        "_context",
        "_ended",
        "_ending",
        "_framing",
        "_front",
        "_left",
        "_partial",
        "_peer",
        "_port",
        "_scheduled",
        "_served",
        "_since",
        "_transport",
        "_unread",
        "_waiting",
        "_without_room",
        "prefix",
        "slot",
    )  # fmt: skip

    def __init__(self, context: ListenerContext, peer: bytes, port: int = 0) -> None:
        """``peer`` is the address of the other end in 16 bytes, and ``port`` its port."""
        self.slot = -1
        self.prefix: Prefix | None = None
        self._context = context
        self._peer = peer
        self._client: bytes | None = None
        self._transport: asyncio.Transport | None = None
        self._framing = Framing()
        self._waiting = 0
        self._without_room: deque[asyncio.Future[bool]] = deque()
        """answers that are not made before the client has read earlier ones"""
        self._port = port
        """the client's"""
        self._front: Front | None = None
        """the front that has named the client"""
        self._served = 0
        self._ended = False
        """the client has closed its side"""
        self._scheduled = False
        """:meth:`_step` will be called when its turn comes"""
        self._ending: ConnectionEnding | None = None
        """why the connection ends; once set, no more queries are taken"""
        self._since = context.clock()
        """when a query or an answer was last completed"""
        self._partial = 0.0
        """when the incomplete message began to arrive; 0: there is none"""
        self._unread = 0.0
        """since when an answer waits for the client to read, or when it last read; 0: none waits"""
        self._left = 0
        """bytes that it had not read then"""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is ready; the connection may have been cut meanwhile."""
        self._transport = cast("asyncio.Transport", transport)
        if self._ending is not None:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=0)
        if not self._context.unwrap.is_proxy(self._peer):
            self._set_client(self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        ending = self._ending or (ConnectionEnding.CLIENT if exc is None else ConnectionEnding.LOST)
        self._ending = ending
        self._context.connections.leave(self, ending)
        self._make_none()

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer for the next read; all connections share it, since its content is used at once."""
        del sizehint
        return self._context.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Process ``nbytes`` bytes that have arrived in the buffer."""
        if self._ending is not None:
            return  # only the client's end is awaited
        self._framing.feed(self._context.buffer[:nbytes])
        self._advance()

    def eof_received(self) -> bool:
        """The client has closed its side; its queries are still answered."""
        self._ended = True
        if self._ending is not None:
            return False
        self._advance()
        return True

    def pause_writing(self) -> None:
        """The kernel's buffer is full: take no more queries, and make no more answers."""
        self._unread = self._context.clock()
        self._left = self._unread_bytes()
        self._context.connections.mark_unread(self)

    def resume_writing(self) -> None:
        """The client has read on."""
        self._unread = 0.0
        self._since = self._context.clock()
        self._context.connections.mark_read(self)
        self._mark_idle()
        self._make_next()
        self._advance()

    def deadline(self) -> tuple[float, ConnectionEnding | None]:
        """The time at which to cut the connection, and the reason; without one: when to check again."""
        idle = self._context.connections.limits.idle
        found: list[tuple[float, ConnectionEnding | None]] = []
        if self._unread:
            self._note_reading()
            found.append((self._unread + idle, ConnectionEnding.UNREAD))
        if self._partial:
            found.append((self._partial + idle, ConnectionEnding.INCOMPLETE))
        elif not self._waiting:
            found.append((self._since + idle, self._idle_ending()))
        return min(found, default=(self._context.clock() + idle, None), key=lambda each: each[0])

    def _note_reading(self) -> None:
        """Renew the time of a client that has read something, though not all yet."""
        left = self._unread_bytes()
        if left < self._left:
            self._left = left
            self._unread = self._since = self._context.clock()

    def _unread_bytes(self) -> int:
        """The bytes that the client has not acknowledged: in our buffer and in the kernel's."""
        transport = cast("asyncio.Transport", self._transport)
        ours, connected = transport.get_write_buffer_size(), transport.get_extra_info("socket")
        if connected is None:
            return ours
        with contextlib.suppress(OSError):  # it is closed already
            kernels = fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(_LENGTH.size))
            ours += _LENGTH.unpack(kernels)[0]
        return ours

    def _idle_ending(self) -> ConnectionEnding:
        """The reason to cut a connection on which no query is being answered."""
        if self._transport is not None and self._transport.get_write_buffer_size():
            return ConnectionEnding.UNREAD
        return ConnectionEnding.INCOMPLETE if len(self._framing) else ConnectionEnding.IDLE

    def cut(self, ending: ConnectionEnding) -> None:
        """Cut the connection at once."""
        self._ending = self._ending or ending
        self._context.connections.leave(self, self._ending)
        self._make_none()
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        """Continue: another query of the same client prefix has been answered."""
        self._advance()

    def _advance(self) -> None:
        """Take the queries that have arrived, now or when the client's turn comes."""
        if self._scheduled or self._ending is not None:
            return
        if self._client is None and not self._read_proxy_header():
            return
        self._scheduled = True
        self._context.path.turns.enter(client_key(cast("bytes", self._client)), self._step)
        if self._scheduled:
            self._settle()

    def _step(self) -> bool:
        """Take some of the queries that have arrived, as far as the limits allow; True: there may be more."""
        self._scheduled = False
        if self._ending is not None:
            return False
        took, more = self._take_some()
        self._scheduled = more
        self._note_partial(took)
        self._settle()
        return more

    def _take_some(self) -> tuple[bool, bool]:
        """Take queries for at most :data:`SLICE`; return whether there was one, and whether to come again."""
        turns = self._context.path.turns
        end = turns.ticks() + SLICE
        for count in range(1, TURN + 1):
            message = self._framing.next() if self._may_take() else None
            if message is None:
                return count > 1, False
            self._take(message)
            if turns.ticks() >= end:
                break
        return True, True

    def _read_proxy_header(self) -> bool:
        """Read the PROXY header before the first message; return whether the client is known now."""
        start = self._framing.start(LONGEST)
        header = parse_header(start)
        if header is ProxyProblem.INCOMPLETE and not self._ended:
            return False
        if not start:
            self.cut(ConnectionEnding.CLIENT)  # a health check of the proxy
            return False
        if isinstance(header, ProxyProblem):
            self._context.path.counts.dropped("no_proxy_header")
            self.cut(ConnectionEnding.NO_PROXY_HEADER)
            return False
        self._framing.skip(header.length)
        self._front = Front(self._peer, bytes(start[: header.length]))
        client, self._port = source_of(header, self._peer, self._port)
        return self._set_client(client)

    def _set_client(self, client: bytes) -> bool:
        """Note the client's address; False: its prefix has all the connections it may have."""
        self._client = client
        if self._context.connections.claim(self, client):
            return True
        self.cut(ConnectionEnding.PREFIX_FULL)
        return False

    def _may_take(self) -> bool:
        limits = self._context.connections.limits
        return (
            self._ending is None
            and self._waiting < MAX_WAITING
            and self._served < limits.queries
            and not self._unread
            and not self._without_room
            and self._context.connections.may_wait(self)
        )

    def _take(self, message: bytes) -> None:
        self._served += 1
        self._since = self._context.clock()
        client, path = cast("bytes", self._client), self._context.path
        task = path.take(memoryview(message), client, True, self._send, self._front, self._room, self._port)
        if task is not None:
            self._waiting += 1
            self._context.connections.wait(self)
            task.add_done_callback(self._answered)
        else:
            self._mark_idle()

    def _answered(self, task: asyncio.Task[None]) -> None:
        del task
        self._waiting -= 1
        self._since = self._context.clock()
        self._mark_idle()
        self._context.connections.answered(self)
        if not self._unread:
            self._make_next()
        self._advance()

    def _mark_idle(self) -> None:
        """Tell the table that the connection is idle, if it is."""
        if not self._waiting and not self._unread and self._ending is None:
            self._context.connections.mark_idle(self)

    def _send(self, answer: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(len(answer).to_bytes(2, "big") + answer)

    def _room(self) -> asyncio.Future[bool] | None:
        """Room for one answer: None while nothing is unread, or nobody is there to read it."""
        if not self._unread or self._transport is None or self._transport.is_closing():
            return None
        room: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._without_room.append(room)
        return room

    def _make_next(self) -> None:
        """Let the next answer be made that waited for room; the one after it follows when it is done."""
        while self._without_room:
            room = self._without_room.popleft()
            if not room.done():
                room.set_result(True)
                return

    def _make_none(self) -> None:
        """The client is gone: no answer is made any more."""
        for room in self._without_room:
            if not room.done():
                room.set_result(False)
        self._without_room.clear()

    def _note_partial(self, took: bool) -> None:
        """Time an incomplete message from its first byte, however slowly the rest drips in, and only while we
        are ready to read it."""
        if not len(self._framing) or self._scheduled or not self._may_take():
            self._partial = 0.0
        elif took or not self._partial:
            self._partial = self._context.clock()

    def _settle(self) -> None:
        """Read on, hold the client back, or end the connection."""
        if self._ending is not None or self._transport is None:
            return
        if self._scheduled:
            self._transport.pause_reading()
        elif self._framing.broken:
            self._end(ConnectionEnding.NOT_A_MESSAGE)
        elif self._served >= self._context.connections.limits.queries:
            self._end(ConnectionEnding.SERVED)
        elif self._ended and self._may_take():
            self._end(ConnectionEnding.CLIENT)
        elif self._may_take() and not self._ended:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
            if not self._context.connections.may_wait(self):
                self._context.connections.queue_up(self)

    def _end(self, ending: ConnectionEnding) -> None:
        """Close our side once every query is answered, and wait for the client to close its side."""
        transport = cast("asyncio.Transport", self._transport)
        if self._waiting:
            transport.pause_reading()
            return
        if ending is ConnectionEnding.NOT_A_MESSAGE:
            self._context.path.counts.dropped("short")
        self._ending = ending
        self._since = self._context.clock()
        self._partial = 0.0
        self._framing = Framing()
        if self._ended:
            transport.close()
            return
        with contextlib.suppress(OSError):  # the client may have reset it already: connection_lost follows
            transport.write_eof()
        transport.resume_reading()
