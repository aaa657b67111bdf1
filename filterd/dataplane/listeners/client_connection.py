"""One client's TCP connection (RFC 7766): pipelined queries, answered in whatever order they are ready.

A client that asks too much, or does not read its answers, is held back: the connection takes no more queries
until answers have gone out, so that the TCP window closes. A connection that ends first sends the answers it
still owes, closes its own side, and waits for the client to close. Closing with unread queries would reset
the connection, and the client would lose answers that are on their way.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

from filterd.dataplane.listeners.connection_table import ConnectionEnding, Prefix
from filterd.dataplane.listeners.framing import Framing
from filterd.dataplane.listeners.listener_context import ListenerContext
from filterd.dataplane.packet.unwrap import source_of
from filterd.wire.proxy import LONGEST, ProxyProblem, parse_header

TURN = 32
"""queries that are taken from one connection before others get their turn"""
MAX_WAITING = 100
"""the most queries of one connection that may wait for an upstream"""
MOST_UNSENT = 8
"""times ``unsent``: answers under way may still be buffered up to here; beyond it the client is cut"""


class ClientConnection(asyncio.BufferedProtocol):
    """One connection, from its acceptance to its end. Owned by the event loop."""

    __slots__ = (
        "_client",
        "_context",
        "_ended",
        "_ending",
        "_framing",
        "_partial",
        "_peer",
        "_proxied",
        "_scheduled",
        "_served",
        "_since",
        "_transport",
        "_unread",
        "_waiting",
        "prefix",
        "slot",
    )  # fmt: skip

    def __init__(self, context: ListenerContext, peer: bytes) -> None:
        """``peer`` is the address of the other end in 16 bytes."""
        self.slot = -1
        self.prefix: Prefix | None = None
        self._context = context
        self._peer = peer
        self._client: bytes | None = None
        self._transport: asyncio.Transport | None = None
        self._framing = Framing()
        self._waiting = 0
        self._proxied = False
        """the client's address comes from a PROXY header"""
        self._served = 0
        self._ended = False
        """the client has closed its side"""
        self._scheduled = False
        """a call of :meth:`_advance` is scheduled"""
        self._ending: ConnectionEnding | None = None
        """why the connection ends; once set, no more queries are taken"""
        self._since = context.clock()
        """when a query or an answer was last completed"""
        self._partial = 0.0
        """when the incomplete message began to arrive; 0: there is none"""
        self._unread = 0.0
        """since when more is unsent than the client may leave unread; 0: it is not"""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is ready; the connection may have been cut meanwhile."""
        self._transport = cast("asyncio.Transport", transport)
        if self._ending is not None:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=self._context.connections.limits.unsent)
        if not self._context.unwrap.is_proxy(self._peer):
            self._set_client(self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        ending = self._ending or (ConnectionEnding.CLIENT if exc is None else ConnectionEnding.LOST)
        self._ending = ending
        self._context.connections.leave(self, ending)

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
        """More answers are unsent than the limit allows: take no more queries."""
        self._unread = self._context.clock()
        self._context.connections.mark_busy(self)

    def resume_writing(self) -> None:
        """The client has read on."""
        self._unread = 0.0
        self._since = self._context.clock()
        self._mark_idle()
        self._advance()

    def deadline(self) -> tuple[float, ConnectionEnding | None]:
        """The time at which to cut the connection, and the reason; without one: when to check again."""
        idle = self._context.connections.limits.idle
        found: list[tuple[float, ConnectionEnding | None]] = []
        if self._unread:
            found.append((self._unread + idle, ConnectionEnding.UNREAD))
        if self._partial:
            found.append((self._partial + idle, ConnectionEnding.INCOMPLETE))
        elif not self._waiting:
            found.append((self._since + idle, self._idle_ending()))
        return min(found, default=(self._context.clock() + idle, None), key=lambda each: each[0])

    def _idle_ending(self) -> ConnectionEnding:
        """The reason to cut a connection on which no query is being answered."""
        if self._transport is not None and self._transport.get_write_buffer_size():
            return ConnectionEnding.UNREAD
        return ConnectionEnding.INCOMPLETE if len(self._framing) else ConnectionEnding.IDLE

    def cut(self, ending: ConnectionEnding) -> None:
        """Cut the connection at once."""
        self._ending = self._ending or ending
        self._context.connections.leave(self, self._ending)
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        """Continue: another query of the same client prefix has been answered."""
        if not self._scheduled:
            self._advance()

    def _advance(self) -> None:
        """Take the queries that have arrived, as far as the limits allow."""
        self._scheduled = False
        if self._ending is not None or not (self._client is not None or self._read_proxy_header()):
            return
        took = False
        for _ in range(TURN):
            message = self._framing.next() if self._may_take() else None
            if message is None:
                break
            self._take(message)
            took = True
        else:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._advance)
        self._note_partial(took)
        self._settle()

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
        self._proxied = True
        return self._set_client(source_of(header, self._peer))

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
            and self._context.connections.may_wait(self)
        )

    def _take(self, message: bytes) -> None:
        self._served += 1
        self._since = self._context.clock()
        client = cast("bytes", self._client)
        task = self._context.path.take(memoryview(message), client, True, self._send, self._proxied)
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
        if not self._scheduled:
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
        if transport.get_write_buffer_size() > MOST_UNSENT * self._context.connections.limits.unsent:
            self.cut(ConnectionEnding.UNREAD)

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
