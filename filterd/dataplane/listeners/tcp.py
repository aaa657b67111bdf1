"""TCP listeners: they accept within the limits, and pause while the system is short of files or memory."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

from filterd.dataplane.listeners.client_connection import ClientConnection
from filterd.dataplane.listeners.connection_table import SLOT, ConnectionEnding, ConnectionTable
from filterd.dataplane.listeners.listener_context import ListenerContext
from filterd.dataplane.listeners.self_connections import SelfConnections, SelfQueryPath
from filterd.dataplane.packet.unwrap import Unwrap, client_bytes
from filterd.dataplane.slow.slowpath import SlowPath

READ = 16 * 1024
"""bytes read from one connection before others get their turn"""
ACCEPTS = 16
"""connections accepted before others get their turn"""
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""seconds without accepting after the system had no file or memory left for a connection"""
_SHORTAGES = {
    errno.EMFILE: "files",
    errno.ENFILE: "files",
    errno.ENOBUFS: "memory",
    errno.ENOMEM: "memory",
}


class TcpService:
    """The state that all TCP listeners share: the connections, their limits and their deadlines."""

    def __init__(self, connections: ConnectionTable, clock: Callable[[], float]) -> None:
        """``clock`` returns seconds and does not go back."""
        self.connections = connections
        self.clock = clock
        self.shortages: Counter[str] = Counter()
        """connections that could not be accepted, by the resource that was short"""
        self.self_connections: SelfConnections | None = None
        """the resolver's connections to itself; None: it does not check itself"""
        self.buffer = memoryview(bytearray(READ))
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to enforce deadlines, on the running loop."""
        self._timer = asyncio.get_running_loop().call_later(SLOT, self._turn)

    def close(self) -> None:
        """Cut every open connection."""
        if self._timer is not None:
            self._timer.cancel()
        for connection in self.connections:
            connection.cut(ConnectionEnding.SHUTDOWN)
        if self.self_connections is not None:
            self.self_connections.close()

    @property
    def activity(self) -> int:
        """A number that grows with every client connection that opens, ends, or is refused."""
        ended, missed = sum(self.connections.ended.values()), sum(self.shortages.values())
        return len(self.connections) + 2 * ended + missed

    def _turn(self) -> None:
        self.connections.cut_overdue(self.clock())
        self.start()


class SelfContext:
    """The listener as the resolver's own connections see it, with their own path and table."""

    def __init__(self, listener: TcpListener, self_connections: SelfConnections) -> None:
        self._listener = listener
        self.path: SelfQueryPath = self_connections.path
        self.connections = self_connections.connections
        self.buffer = listener.buffer
        self.clock = listener.clock

    @property
    def unwrap(self) -> Unwrap:
        """The senders that must use the PROXY protocol."""
        return self._listener.unwrap


class TcpListener:
    """Accepts on a listening socket from :meth:`start` to :meth:`close`."""

    def __init__(self, bound: socket.socket, path: SlowPath, unwrap: Unwrap, service: TcpService) -> None:
        self.path = path
        self.unwrap = unwrap
        self.connections = service.connections
        self.buffer = service.buffer
        self.clock = service.clock
        self._service = service
        self._socket = bound
        self._pause = FIRST_PAUSE
        self._resume: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def listening_socket(self) -> socket.socket:
        """The socket on which clients are accepted."""
        return self._socket

    def start(self) -> None:
        """Begin to accept, on the running loop."""
        self._resume = None
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def stop_accepting(self) -> None:
        """Leave new connections to whoever has the same socket; the open ones go on."""
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._resume is not None:
            self._resume.cancel()

    def close(self) -> None:
        """Stop accepting; connections stay until the service closes."""
        if self._socket.fileno() >= 0:
            self.stop_accepting()
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(ACCEPTS):
            try:
                accepted, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._back_off(_SHORTAGES[error.errno])
                    return
                continue  # the client or its network is gone already; accept(2) passes such errors on
            self._pause = FIRST_PAUSE
            self._open(accepted, peer)

    def _open(self, accepted: socket.socket, peer: Any) -> None:
        context: ListenerContext = self
        ours = self._service.self_connections
        if ours is not None and ours.is_ours(peer):
            context = SelfContext(self, ours)
        if not context.connections.has_room():
            accepted.close()
            return
        accepted.setblocking(False)
        with contextlib.suppress(OSError):  # reset already
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, context.connections.limits.unsent)
        connection = ClientConnection(context, client_bytes(peer[0]), int(peer[1]))
        context.connections.join(connection)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._serve(connection, accepted))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _serve(self, connection: ClientConnection, accepted: socket.socket) -> None:
        """Give the socket to the connection, which serves itself from then on."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()  # reset before it was set up
            connection.cut(ConnectionEnding.LOST)

    def _back_off(self, reason: str) -> None:
        """Pause: the loop would find the socket ready again at once, for ever."""
        self._service.shortages[reason] += 1
        self.connections.make_room()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        self._resume = loop.call_later(self._pause, self.start)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
