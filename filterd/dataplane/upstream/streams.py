"""Connections to one upstream, TCP or TLS, kept and shared by many questions (RFC 7766 sections 6.2 and 7).

Questions are pipelined; answers may come in any order and are matched by id. If a server closes a connection
that it has used, the open questions are asked again over a new one. A silent connection takes no new
questions. TLS is verified strictly (RFC 8310 section 8.1), and sessions are resumed.
"""

from __future__ import annotations

import asyncio
import ssl
import struct

from filterd.dataplane.upstream.forward_types import Server

MOST_CONNECTIONS = 4
BUSY = 32
"""questions under way on a connection from which another one is opened"""
IDLE = 10.0
"""seconds after which a connection that nobody uses is closed"""
STALLED = 0.4
"""seconds: a connection silent for so long while a question waited is not used for new questions"""
RETRIES = 3
"""how often a question is asked again if its connection ends after having served others"""
CONNECT = 4.0
"""seconds"""
_LENGTH = struct.Struct("!H")
_SHORTEST = 12
_IDS = 65536


class ConnectionEndedError(ConnectionError):
    """The server closed the connection, or sent something that is not DNS."""


class UpstreamConnection(asyncio.Protocol):
    """One connection. Owned by the event loop."""

    def __init__(self) -> None:
        self.usable = True
        """it takes new questions"""
        self.used = False
        """something was answered over it"""
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._waiting: dict[int, tuple[int, asyncio.Future[bytes]]] = {}
        """id on the connection -> id of the question, and the future of its answer"""
        self._heard_at = self._loop.time()
        self._idle: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def waiting(self) -> int:
        """Questions on their way."""
        return len(self._waiting)

    async def ask(self, packet: bytes) -> bytes:
        """The answer to a message; raises ``ConnectionEndedError``. Cancelling forgets the question."""
        if not self.usable:
            raise ConnectionEndedError
        number = asked = _LENGTH.unpack_from(packet)[0]
        while number in self._waiting:
            number = (number + 1) % _IDS
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[number] = (asked, future)
        self._stop_idling()
        started = self._loop.time()
        assert self._transport is not None  # noqa: S101 - a connection is handed out when it is made
        self._transport.write(_LENGTH.pack(len(packet)) + _LENGTH.pack(number) + packet[2:])
        try:
            return await future
        finally:
            self._waiting.pop(number, None)
            if future.cancelled() and self._heard_at < started <= self._loop.time() - STALLED:
                self.usable = False
            self._start_idling()

    def close(self) -> None:
        """Close the connection; waiting questions fail."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's transport is one
        self._transport = transport
        self._start_idling()

    def data_received(self, data: bytes) -> None:
        """Take the messages that are complete."""
        self._heard_at = self._loop.time()
        self._buffer += data
        start = 0
        while len(self._buffer) >= start + _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            end = start + _LENGTH.size + length
            if length < _SHORTEST:
                self.close()
                return
            if len(self._buffer) < end:
                break
            self._take(bytes(self._buffer[start + _LENGTH.size : end]))
            start = end
        del self._buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """Let all waiting questions fail."""
        self.usable = False
        self._stop_idling()
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionEndedError("the upstream closed the connection"))

    def _take(self, message: bytes) -> None:
        """Pass a message to the question that waits for it; drop late and foreign ones."""
        if not self.used:
            self.used = True
            self._keep_session()
        asked, future = self._waiting.get(_LENGTH.unpack_from(message)[0], (0, None))
        if future is not None and not future.done():
            future.set_result(_LENGTH.pack(asked) + message[2:])

    def _keep_session(self) -> None:
        """Keep a TLS connection's session; its ticket precedes the first data (RFC 8446 section 4.6.1)."""
        assert self._transport is not None  # noqa: S101 - data came over it
        secured = self._transport.get_extra_info("ssl_object")
        if secured is not None and isinstance(secured.context, ResumingContext):
            secured.context.session = secured.session

    def _start_idling(self) -> None:
        """Close after a while unless the connection is used."""
        if self._waiting or self._transport is None:
            return
        self._stop_idling()
        self._idle = self._loop.call_later(IDLE if self.usable else 0.0, self.close)

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


class Streams:
    """The connections to one server. Owned by the event loop."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connections: list[UpstreamConnection] = []
        self._opening: asyncio.Task[UpstreamConnection] | None = None

    async def ask(self, packet: bytes) -> bytes:
        """The first answer with the message's id. Raises ``OSError`` where no connection can be opened."""
        for _ in range(RETRIES):
            connection = await self._connection()
            try:
                return await connection.ask(packet)
            except ConnectionEndedError:
                if not connection.used:
                    raise
        return await (await self._connection()).ask(packet)

    async def close(self) -> None:
        """Close all connections."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        for connection in self._connections:
            connection.close()

    async def _connection(self) -> UpstreamConnection:
        """The connection with the fewest questions, or a new one if all are busy."""
        self._connections = [each for each in self._connections if each.usable]
        if self._connections:
            best = min(self._connections, key=lambda each: each.waiting)
            if best.waiting < BUSY or len(self._connections) >= MOST_CONNECTIONS or self._opening:
                return best
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    def _opened(self, task: asyncio.Task[UpstreamConnection]) -> None:
        self._opening = None
        if not task.cancelled() and task.exception() is None:
            self._connections.append(task.result())

    async def _open(self) -> UpstreamConnection:
        tls = self._server.tls
        async with asyncio.timeout(CONNECT):
            _, connection = await asyncio.get_running_loop().create_connection(
                UpstreamConnection,
                *self._server.address,
                ssl=tls.context if tls else None,
                server_hostname=tls.name if tls else None,
            )
        return connection


class ResumingContext(ssl.SSLContext):
    """TLS settings of a client that resume the last session, which asyncio does not do by itself."""

    session: ssl.SSLSession | None = None

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Like ``ssl.SSLContext.wrap_bio``, with the last session."""
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session or self.session)


def tls_context(ca: str | None) -> ssl.SSLContext:
    """Settings that verify name and chain, with the certificates of the PEM file ``ca`` or of the system.
    Raises ``OSError`` (``ssl.SSLError`` is one) where the file cannot be used."""
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca)
    return context
