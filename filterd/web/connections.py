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

from filterd.web.limits import LARGEST_HEAD

HEAD_SECONDS = 10.0
"""for a whole request head, from the beginning of the connection or the end of the last response"""
CALL_SECONDS = 120.0
"""for a call and the reading of its response by the client"""
END_SECONDS = 5
"""for the calls that are at work when the server ends"""


class IdleConnections:
    """The connections that wait for a request, the one that has waited longest first. Owned by the event
    loop."""

    def __init__(self, most: int) -> None:
        """``most``: open connections at one time, idle or not."""
        self._most = most
        self._open = 0
        self._idle: dict[Connection, None] = {}

    def opened(self, connection: Connection) -> None:
        """Count a new connection; the oldest idle one is closed where there are too many."""
        self._open += 1
        if self._open > self._most:
            next(iter(self._idle), connection).give_up()
        self._idle[connection] = None

    @property
    def count(self) -> int:
        """All that are open, idle or not."""
        return self._open

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open -= 1
        self._idle.pop(connection, None)

    def waits(self, connection: Connection) -> None:
        """Note that it waits for a request from now on."""
        self._idle.pop(connection, None)
        self._idle[connection] = None

    def works(self, connection: Connection) -> None:
        """Note that it has brought a request."""
        self._idle.pop(connection, None)


class Connection(H11Protocol):
    """One connection. ``idle`` is set by :func:`server`."""

    idle: IdleConnections
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.idle.opened(self)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self.idle.closed(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take what was received; a whole head ends the wait."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and not self.cycle.response_complete:
            self._wait(CALL_SECONDS)
            self.idle.works(self)

    def data_received(self, data: bytes) -> None:
        """Take more of a request. As long as a body arrives, its call has its time anew."""
        super().data_received(data)
        if self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete:
            self._wait(CALL_SECONDS)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        if not self.transport.is_closing():
            self.idle.waits(self)
            self._wait(HEAD_SECONDS)
        super().on_response_complete()

    def give_up(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

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


def server(app: ASGIApp, connections: int, certificate: tuple[Path, Path] | None = None) -> ApiServer:
    """A server that is not started; ``serve(sockets=[...])`` runs it until ``should_exit`` is set.

    ``certificate``: the PEM files of the chain and of the key. Raises OSError or ssl.SSLError where they
    cannot be used.
    """
    own: Any = type("OwnConnection", (Connection,), {"idle": IdleConnections(connections)})
    chain, key = certificate or (None, None)
    config = uvicorn.Config(
        app,
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
