"""The sockets through which the resolver asks itself. Nothing here waits: each turn writes and reads them.

The kernel chooses the thread by the addresses and ports of both ends (SO_REUSEPORT): all that is sent from
one port reaches the same thread, until the group of listening sockets changes. So a :class:`UdpAsker` keeps
one socket for each thread that has answered on it, and tries new sockets for the other threads. Each answer
names its thread.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Collection, Sequence
from typing import Final

from filterd.dataplane.fast.selfquery import WHO_TCP, SelfQueries
from filterd.dataplane.listeners.listen_addresses import SelfQueryTarget
from filterd.dataplane.listeners.self_connections import Peer, SelfConnections, peer_of
from filterd.dataplane.listeners.socket_binding import socket_address
from filterd.dataplane.packet.unwrap import client_bytes
from filterd.wire.proxy import SIGNATURE

MOST_TRIED = 16
"""the most new sockets in one turn"""
ASKED_OF_ONE = 10
"""queries over one TCP connection before the next address is asked"""
_ANSWER: Final = 512
"""bytes; an answer is shorter"""
_OWN_CHECK = SIGNATURE + b"\x20\0\0\0"
"""the PROXY header of a proxy that asks for itself (version 2, LOCAL)"""


def _connected(target: SelfQueryTarget, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket to the target; a TCP socket may still be connecting. Raises ``OSError``."""
    family = socket.AF_INET if target.address.version == 4 else socket.AF_INET6
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    try:
        with contextlib.suppress(BlockingIOError):
            made.connect(socket_address(target.address, target.port))
    except OSError:
        made.close()
        raise
    return made


def _header(target: SelfQueryTarget, sock: socket.socket) -> bytes:
    """The bytes that must precede a query: our own address may be one that must send PROXY headers."""
    return _OWN_CHECK if target.unwrap.is_proxy(client_bytes(sock.getsockname()[0])) else b""


class UdpAsker:
    """Asks threads over UDP at one address."""

    def __init__(self, target: SelfQueryTarget, queries: SelfQueries) -> None:
        self.target = target
        self._queries = queries
        self._known: dict[int, socket.socket] = {}
        """thread -> the socket that reaches it"""
        self._tried: list[socket.socket] = []

    def collect(self) -> set[int]:
        """The threads that have answered since the last call."""
        heard: set[int] = set()
        known: dict[int, socket.socket] = {}
        for before, sock in [*self._known.items(), *((None, each) for each in self._tried)]:
            answerers = self._read(sock)
            heard.update(answerers or ())
            leads_to = answerers[-1] if answerers else before
            if answerers is None or leads_to is None or leads_to in known:
                sock.close()
            else:
                known[leads_to] = sock
        self._known, self._tried = known, []
        return heard

    def ask(self, threads: Collection[int], number: Callable[[], int]) -> set[int]:
        """Ask each of these threads for which there is a socket; return the threads that were asked."""
        return {
            thread
            for thread in threads
            if thread in self._known and self._send(self._known[thread], number())
        }

    def explore(self, missing: int, number: Callable[[], int]) -> None:
        """Try new sockets for ``missing`` threads that no socket reaches yet."""
        for _ in range(min(2 * missing, MOST_TRIED)):
            try:
                made = _connected(self.target, socket.SOCK_DGRAM)
            except OSError:
                return
            self._tried.append(made)
            self._send(made, number())

    @property
    def found(self) -> Collection[int]:
        """The threads that a socket reaches."""
        return self._known.keys()

    def close(self) -> None:
        """Close all sockets."""
        for each in (*self._known.values(), *self._tried):
            each.close()
        self._known, self._tried = {}, []

    def _send(self, sock: socket.socket, number: int) -> bool:
        try:
            sock.send(_header(self.target, sock) + self._queries.query(number))
        except OSError:
            return False
        return True

    def _read(self, sock: socket.socket) -> list[int] | None:
        """The threads that answered on this socket, in order; None where nobody listens at its other end."""
        answerers: list[int] = []
        while True:
            try:
                answer = self._queries.read(sock.recv(_ANSWER))
            except BlockingIOError:
                return answerers
            except OSError:
                return None
            if answer is not None:
                answerers.append(answer[1])


class TcpAsker:
    """Asks over TCP: one connection at a time, for ``ASKED_OF_ONE`` queries, to each address in turn."""

    def __init__(self, self_connections: SelfConnections, queries: SelfQueries) -> None:
        self._self_connections = self_connections
        self._queries = queries
        self._turn = 0
        self._target: SelfQueryTarget | None = None
        self._socket: socket.socket | None = None
        self._peer: Peer | None = None
        self._asked = 0
        self._received = b""

    @property
    def is_open(self) -> bool:
        """Return whether a connection is open or opening."""
        return self._socket is not None

    def collect(self) -> bool:
        """Return whether an answer has come since the last call."""
        heard = False
        while self._socket is not None:
            try:
                piece = self._socket.recv(_ANSWER)
            except BlockingIOError:
                break
            except OSError:
                piece = b""
            if piece:
                self._received += piece
                heard = self._take() or heard
            else:
                self.close()
        if self._asked >= ASKED_OF_ONE and heard:
            self.close()
        return heard

    def ask(self, targets: Sequence[SelfQueryTarget], number: Callable[[], int]) -> bool:
        """Ask over the open connection or a new one; False: no query could be sent."""
        if self._target is not None and all(each.udp is not self._target.udp for each in targets):
            self.close()
        if self._socket is None:
            self._connect(targets)
        if self._socket is None or self._target is None:
            return False
        query = self._queries.query(number())
        framed = len(query).to_bytes(2, "big") + query
        try:
            self._socket.send(framed if self._asked else _header(self._target, self._socket) + framed)
        except BlockingIOError:
            return True  # not connected yet
        except OSError:
            self.close()
            return False
        self._asked += 1
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        if self._peer is not None:
            self._self_connections.forget(self._peer)
        self._target, self._socket, self._peer, self._asked, self._received = None, None, None, 0, b""

    def _connect(self, targets: Sequence[SelfQueryTarget]) -> None:
        if not targets:
            return
        self._turn += 1
        self._target = targets[self._turn % len(targets)]
        with contextlib.suppress(OSError):
            self._socket = _connected(self._target, socket.SOCK_STREAM)
            self._peer = peer_of(self._socket.getsockname())
            self._self_connections.expect(self._peer)

    def _take(self) -> bool:
        """Take the messages that are complete; return whether one of them was an answer."""
        heard = False
        while len(self._received) >= (size := 2 + int.from_bytes(self._received[:2], "big")) > 2:
            message, self._received = self._received[2:size], self._received[size:]
            answer = self._queries.read(message)
            heard = heard or (answer is not None and answer[1] == WHO_TCP)
        return heard
