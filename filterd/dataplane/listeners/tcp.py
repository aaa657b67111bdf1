"""TCP listeners: accept within the limits, and again after the system had nothing left to give."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Callable

from filterd.dataplane.listeners.connection import Connection
from filterd.dataplane.listeners.connections import SLOT, Connections, Ending
from filterd.dataplane.slowpath import SlowPath
from filterd.dataplane.stages.unwrap import Unwrap, client_bytes

READ = 16 * 1024
"""bytes taken from one connection before others get their turn"""
ACCEPTS = 16
"""connections accepted before others get their turn"""
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""seconds without accepting after the system had no file or memory for a connection"""
_SHORTAGES = {
    errno.EMFILE: "files",
    errno.ENFILE: "files",
    errno.ENOBUFS: "memory",
    errno.ENOMEM: "memory",
}


class TcpService:
    """What all TCP listeners share: the connections, their limits and their deadlines."""

    def __init__(self, connections: Connections, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds and does not go back."""
        self.connections = connections
        self.clock = clock
        self.shortages: Counter[str] = Counter()
        """connections that could not be accepted, by what was missing"""
        self.buffer = memoryview(bytearray(READ))
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch deadlines, on the running loop."""
        self._timer = asyncio.get_running_loop().call_later(SLOT, self._turn)

    def close(self) -> None:
        """Cut every connection that is open."""
        if self._timer is not None:
            self._timer.cancel()
        for connection in self.connections:
            connection.cut(Ending.SHUTDOWN)

    def _turn(self) -> None:
        self.connections.turn(self.clock())
        self.start()


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

    def start(self) -> None:
        """Begin to accept, on the running loop."""
        self._resume = None
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Stop accepting; connections stay until the service closes."""
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._resume is not None:
            self._resume.cancel()
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
                continue  # the client, or the way to it, is gone already: accept(2) says so by its errors
            self._pause = FIRST_PAUSE
            self._open(accepted, client_bytes(peer[0]))

    def _open(self, accepted: socket.socket, peer: bytes) -> None:
        if not self.connections.has_room():
            accepted.close()
            return
        accepted.setblocking(False)
        connection = Connection(self, peer)
        self.connections.join(connection)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._serve(connection, accepted))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _serve(self, connection: Connection, accepted: socket.socket) -> None:
        """From here on it serves itself."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()  # reset before it was looked at
            connection.cut(Ending.LOST)

    def _back_off(self, reason: str) -> None:
        """The loop would find the socket ready again at once, for ever."""
        self._service.shortages[reason] += 1
        self.connections.make_room()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        self._resume = loop.call_later(self._pause, self.start)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
