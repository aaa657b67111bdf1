"""The resolver's TCP connections to itself: kept apart from clients' connections, their limits and counts."""

from __future__ import annotations

import time
from typing import Any

from filterd.dataplane.fast.selfquery import SelfQueries
from filterd.dataplane.listeners.connection_table import ConnectionEnding, ConnectionLimits, ConnectionTable
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.slow.slowpath import Room, Send, always_room
from filterd.dataplane.slow.turns import FairTurns

Peer = tuple[str, int]


def peer_of(address: Any) -> Peer:
    """The peer in a socket address as the system returns it."""
    return str(address[0]).partition("%")[0], int(address[1])


class SelfQueryPath:
    """Answers self-queries, as the slow path answers clients' queries."""

    def __init__(self, key: bytes) -> None:
        self._queries = SelfQueries(key)
        self.counts = AnswerCounts()
        """counts of these connections; no metric shows them"""
        self.turns = FairTurns(time.monotonic)
        """their own: clients' work does not hold them up"""

    def take(
        self,
        packet: memoryview,
        client: bytes,
        tcp: bool,
        send: Send,
        front: Front | None = None,
        room: Room = always_room,
        port: int = 0,
    ) -> None:
        """Answer a self-query at once; ignore everything else."""
        del client, tcp, front, room, port
        answer = self._queries.answer(packet)
        if answer is not None:
            send(answer)


class SelfConnections:
    """Knows which accepted connections are our own, and serves them. While one of our sockets is open, nobody
    else can have its address and port."""

    def __init__(self, key: bytes) -> None:
        self.path = SelfQueryPath(key)
        self.connections = ConnectionTable(ConnectionLimits())
        self._peers: set[Peer] = set()

    def expect(self, peer: Peer) -> None:
        """Treat a connection from this peer as our own, until :meth:`forget`."""
        self._peers.add(peer)

    def forget(self, peer: Peer) -> None:
        """Our socket with this address and port is closed."""
        self._peers.discard(peer)

    def is_ours(self, peer: Any) -> bool:
        """Return whether the other end, as ``accept`` returns it, is one of our sockets."""
        return bool(self._peers) and peer_of(peer) in self._peers

    def close(self) -> None:
        """Cut all open connections."""
        for connection in self.connections:
            connection.cut(ConnectionEnding.SHUTDOWN)
