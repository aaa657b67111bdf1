"""The resolver's own TCP connections: apart from clients', outside of their limits and of every count."""

from __future__ import annotations

from typing import Any

from filterd.dataplane.fast.selfquery import SelfQueries
from filterd.dataplane.listeners.connection_table import ConnectionLimits, ConnectionTable, Ending
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.slow.slowpath import Send

Peer = tuple[str, int]


def peer_of(address: Any) -> Peer:
    """Of a socket's address, as the system gives it."""
    return str(address[0]).partition("%")[0], int(address[1])


class SelfQueryPath:
    """Answers self-queries, where clients' queries have the slow path."""

    def __init__(self, key: bytes) -> None:
        self._queries = SelfQueries(key)
        self.counts = AnswerCounts()
        """what was counted on these connections, for nobody"""

    def take(self, packet: memoryview, client: bytes, tcp: bool, send: Send, proxied: bool = False) -> None:
        """Answer at once, or not at all."""
        del client, tcp, proxied
        answer = self._queries.answer(packet)
        if answer is not None:
            send(answer)


class SelfConnections:
    """Which connections are ours, and what serves them. Nobody else can have the address and port of one of
    our sockets while it is open."""

    def __init__(self, key: bytes) -> None:
        self.path = SelfQueryPath(key)
        self.connections = ConnectionTable(ConnectionLimits())
        self._peers: set[Peer] = set()

    def expect(self, peer: Peer) -> None:
        """A connection from there is ours, until :meth:`forget`."""
        self._peers.add(peer)

    def forget(self, peer: Peer) -> None:
        """Our socket is closed."""
        self._peers.discard(peer)

    def is_ours(self, peer: Any) -> bool:
        """Whether the other end, as ``accept`` gives it, is one of our sockets."""
        return bool(self._peers) and peer_of(peer) in self._peers

    def close(self) -> None:
        """Cut those that are open."""
        for connection in self.connections:
            connection.cut(Ending.SHUTDOWN)
