"""The connections of the API's clients, and the server that they are made to.

A connection that brings no whole request head within :data:`HEAD_SECONDS` is closed, and where there are as
many as there may be, the one that has been idle longest makes room for a new one: whoever holds connections
open keeps nobody out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from filterd.web.listening.framing import LARGEST_HEAD, Headers, StrictFraming, in_pieces

HEAD_SECONDS = 10.0
"""for a whole request head, from the beginning of the connection or the end of the last response"""
CALL_SECONDS = 120.0
"""for a call and the reading of its response by the client"""
READ_SECONDS = 10.0
"""within which a client reads some of a response that waits for it"""
LEAST_READ = 8_192
"""bytes that it reads in this time, or all that is left"""
HTTPS_ALONE = ((b"strict-transport-security", b"max-age=31536000"),)
"""of each response over our own TLS (RFC 6797): for a year, browsers ask this host by no other way. Behind a
proxy that ends TLS this is the proxy's to say. No subdomains: they may be others'."""
END_SECONDS = 5
"""for the calls that are at work when the server ends"""


class IdleConnections:
    """The connections that wait for their clients, the one that has waited longest first. Owned by the event
    loop."""

    def __init__(self, most: int) -> None:
        """``most``: open connections at one time, idle or not."""
        self._most = most
        self._open = 0
        self._idle: dict[Connection, None] = {}
        self._stuck: dict[Connection, None] = {}
        """those that have brought a request, and not its body, or do not read its response"""

    def opened(self, connection: Connection) -> None:
        """Count a new connection. Where there are too many, the oldest idle one is closed; where none is
        idle, the one that is stuck longest. It ends in a later turn of the loop, and is not chosen again: of
        many that come in one turn, each takes the place of another."""
        self._open += 1
        oldest = None
        if self._open > self._most:
            oldest = next(iter(self._idle), next(iter(self._stuck), connection))
            self.works(oldest)
            oldest.give_up()
        if oldest is not connection:
            self._idle[connection] = None

    @property
    def count(self) -> int:
        """All that are open, idle or not."""
        return self._open

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open -= 1
        self.works(connection)

    def waits(self, connection: Connection) -> None:
        """Note that it waits for a request from now on."""
        self.works(connection)
        self._idle[connection] = None

    def sticks(self, connection: Connection) -> None:
        """Note that it waits for the rest of a request, or for its response to be read, from now on."""
        self.works(connection)
        self._stuck[connection] = None

    def works(self, connection: Connection) -> None:
        """Note that it waits for us."""
        self._idle.pop(connection, None)
        self._stuck.pop(connection, None)


class Connection(H11Protocol):
    """One connection. ``idle`` and ``own_headers`` are set by :func:`server`."""

    idle: IdleConnections
    conn: StrictFraming
    own_headers: Headers = ()
    """of every response"""
    _deadline: asyncio.TimerHandle | None = None
    _look: asyncio.TimerHandle | None = None
    """at how much of what was sent the client has read"""
    _was_read: bool = False
    """since the last look, so much that more could be sent"""
    _held: bool = False
    """the next request waits until the last response is read"""
    _next_turn: asyncio.Handle | None = None
    """in which more of what was received is read"""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.conn = StrictFraming(LARGEST_HEAD, self.own_headers)
        self.idle.opened(self)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        if self._next_turn is not None:
            self._next_turn.cancel()
        if self._look is not None:
            self._look.cancel()
        self.idle.closed(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take what was received; a whole head ends the wait. A request that came before the last response
        was read waits for that."""
        if self.flow.write_paused and not self._is_at_work:
            self._held = True
            self.flow.pause_reading()
            return
        before = self.cycle
        self.conn.begin_turn()
        super().handle_events()
        if self.conn.gave_way and self._next_turn is None:
            self.flow.pause_reading()
            self._next_turn = self.loop.call_soon(self._go_on)
        if self.cycle is not before and self._is_at_work:
            self._wait(CALL_SECONDS)
            self._note()

    def _go_on(self) -> None:
        """Read more of what was received, after others had their turn."""
        self._next_turn = None
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.handle_events()

    def data_received(self, data: bytes) -> None:
        """Take more of a request. As long as a body arrives, its call has its time anew."""
        super().data_received(data)
        if self._is_at_work:
            self._note()
            if self.cycle.more_body:
                self._wait(CALL_SECONDS)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._look_later()
        if not self.transport.is_closing():
            self.idle.waits(self)
            self._wait(HEAD_SECONDS)
        else:
            self.idle.sticks(self)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait until the client has read."""
        super().pause_writing()
        self.idle.sticks(self)
        self._look_later()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        self._was_read = True
        if self._held:
            self._held = False
            self.flow.resume_reading()
            self.handle_events()
        if self._is_at_work:
            self._note()
        elif not self.transport.is_closing():
            self.idle.waits(self)

    def give_up(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    @property
    def _is_at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _note(self) -> None:
        """Note for what the call at work waits."""
        if self.cycle.more_body or self.flow.write_paused:
            self.idle.sticks(self)
        else:
            self.idle.works(self)

    def _look_later(self) -> None:
        unread = self.transport.get_write_buffer_size()
        if self._look is None and unread:
            self._was_read = False
            self._look = self.loop.call_later(READ_SECONDS, self._require_reading, unread)

    def _require_reading(self, before: int) -> None:
        """Close a connection whose client has read next to nothing since the last look."""
        self._look = None
        if self._was_read or self.transport.get_write_buffer_size() <= before - LEAST_READ:
            self._look_later()
        elif self.transport.get_write_buffer_size():
            self.give_up()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, self.give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class ApiServer(uvicorn.Server):
    """The server of the API. Signals are its process's own business."""

    @property
    def connections(self) -> int:
        """The connections that are open, idle or not."""
        made: Any = self.config.http_protocol_class
        idle: IdleConnections = made.idle
        return idle.count

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept on these sockets. A TLS handshake has the time of a head, not asyncio's minute."""
        loop, config = asyncio.get_running_loop(), self.config
        patience = None if config.ssl is None else HEAD_SECONDS

        def connection() -> Connection:
            made: Any = config.http_protocol_class
            found: Connection = made(config, self.server_state, self.lifespan.state)
            return found

        self.servers = [
            await loop.create_server(connection, sock=each, ssl=config.ssl, ssl_handshake_timeout=patience)
            for each in sockets or ()
        ]
        self.started = True


def server(
    app: ASGIApp, connections: int, certificate: tuple[Path, Path] | None = None, *, own_host: bool = True
) -> ApiServer:
    """A server that is not started; ``serve(sockets=[...])`` runs it until ``should_exit`` is set.

    ``certificate``: the PEM files of the chain and of the key. ``own_host``: clients come by a host of ours,
    and not by that of a blocked site. Raises OSError or ssl.SSLError where they cannot be used.
    """
    chain, key = certificate or (None, None)
    headers = HTTPS_ALONE if chain is not None and own_host else ()
    own: Any = type(
        "OwnConnection", (Connection,), {"idle": IdleConnections(connections), "own_headers": headers}
    )
    config = uvicorn.Config(
        in_pieces(app),
        http=own,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=int(HEAD_SECONDS),
        timeout_graceful_shutdown=END_SECONDS,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        ssl_certfile=chain,
        ssl_keyfile=key,
    )
    for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logging.getLogger(name).disabled = True  # they name clients
    config.load()
    return ApiServer(config)


def listen(address: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError that names the address.

    asyncio turns Nagle's algorithm off on sockets that name their protocol alone, which these do not. With
    it, the body of a response waits 40 ms for the client's acknowledgement of the head.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        made = socket.create_server((address, port), family=family, backlog=512)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    except OSError as error:
        msg = f"cannot listen on {address} port {port}: {(error.strerror or str(error)).lower()}"
        raise OSError(msg) from error
