"""TCP (RFC 7766): pipelined queries, answered in whatever order they are ready, within limits.

Each message stands behind two bytes of length. A client that sends nothing for a while, has too much
unread, or sends what is no query, is cut; the number of connections is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from ipaddress import IPv4Address, IPv6Address

from filterd.dataplane.listeners.trouble import cannot_listen
from filterd.dataplane.slowpath import SlowPath
from filterd.dataplane.stages.unwrap import Unwrap, client_bytes, source_of
from filterd.wire.proxy import FIXED_SIZE, ProxyProblem, parse_header

IDLE_SECONDS = 10.0
MAX_CONNECTIONS = 1000
MAX_QUERIES = 1000
"""on one connection, before it is closed"""
MAX_IN_FLIGHT = 100
"""queries of one connection that wait for an upstream; reading stops until one is answered"""
MAX_UNSENT = 64 * 1024
"""bytes that a client may leave unread"""
BACKLOG = 256
SMALLEST = 12


def bind_tcp(address: IPv4Address | IPv6Address, port: int) -> socket.socket:
    """A bound, listening, non-blocking socket. Raises ``OSError`` that names the address."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((str(address), port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise cannot_listen(address, port, error) from error
    return bound


class TcpListener:
    """Serves a listening socket from :meth:`start` to :meth:`close`."""

    def __init__(self, bound: socket.socket, path: SlowPath, unwrap: Unwrap) -> None:
        self._socket = bound
        self._path = path
        self.unwrap = unwrap
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to accept, on the running loop."""
        self._server = await asyncio.start_server(self._accepted, sock=self._socket, limit=MAX_UNSENT)

    async def close(self) -> None:
        """Stop accepting and cut the connections that are open."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MAX_CONNECTIONS:
            self._path.record.dropped("too_many_connections")
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=MAX_UNSENT)
        try:
            client = await asyncio.wait_for(self._client(reader, writer), IDLE_SECONDS)
            if client is not None:
                await _Connection(self._path, client, reader, writer).run()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # idle, gone, or cut off in the middle of a message: each ends the connection
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """Who asks; None: the connection is to be closed."""
        peername = writer.get_extra_info("peername")
        if peername is None:
            return None  # gone before it was accepted
        peer = client_bytes(peername[0])
        if not self.unwrap.is_proxy(peer):
            return peer
        start = await reader.readexactly(FIXED_SIZE)
        header = parse_header(start)
        if header is ProxyProblem.INCOMPLETE:
            header = parse_header(start + await reader.readexactly(int.from_bytes(start[14:16], "big")))
        if isinstance(header, ProxyProblem):
            self._path.record.dropped("no_proxy_header")
            return None
        return source_of(header, peer)


class _Connection:
    """One client's connection."""

    def __init__(
        self, path: SlowPath, client: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._path = path
        self._client = client
        self._reader = reader
        self._writer = writer
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._waiting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Read queries until the client ends, idles, or has had its share; answers under way are still
        sent."""
        try:
            for _ in range(MAX_QUERIES):
                message = await asyncio.wait_for(self._next(), IDLE_SECONDS)
                if message is None:
                    break
                await asyncio.wait_for(self._room.acquire(), IDLE_SECONDS)
                self._take(message)
                await asyncio.wait_for(self._writer.drain(), IDLE_SECONDS)
            if self._waiting:
                await asyncio.wait(self._waiting, timeout=IDLE_SECONDS)
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise

    async def _next(self) -> bytes | None:
        """The next message; None at the end, and for one too short to be answered."""
        head = await self._reader.read(1)
        if not head:
            return None
        length = int.from_bytes(head + await self._reader.readexactly(1), "big")
        if length < SMALLEST:
            self._path.record.dropped("short")
            return None
        return await self._reader.readexactly(length)

    def _take(self, message: bytes) -> None:
        task = self._path.take(memoryview(message), self._client, True, self._send)
        if task is None:
            self._room.release()
            return
        self._waiting.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._waiting.discard(task)
        self._room.release()

    def _send(self, answer: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(len(answer).to_bytes(2, "big") + answer)
