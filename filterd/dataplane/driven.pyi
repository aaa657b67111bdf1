"""Forwarding of misses as a thread of the fast path does it, driven step by step: for tests and tools."""

import socket
from typing import final

from filterd.dataplane.packets import Packets
from filterd.dataplane.punting import PuntReason
from filterd.dataplane.routes import Routes

@final
class DrivenMisses:
    """What one thread has, with real sockets and given times (``now``: Unix seconds; ``micros``)."""

    def __init__(self, packets: Packets, routes: Routes, seed: bytes, note: int = 1) -> None:
        """``note``: which note of the crash board is its own. MemoryError and ValueError."""

    def open_door(self, number: int, socket: socket.socket) -> None:
        """Answers to clients go from this socket."""

    def take(
        self, packet: bytes | bytearray | memoryview, client: bytes, port: int, now: int, micros: int
    ) -> str | PuntReason:
        """A packet of the client (16 bytes, IPv4 as ::ffff:a.b.c.d) at that port: answered, dropped, waits,
        or why the slow path is to take it."""

    def pump(self, now: int, micros: int, milliseconds: int = 0) -> int | None:
        """Send, wait so long for upstreams, take what comes, and go on where one was silent; microseconds
        until there is more to do."""

    def spin(
        self, packet: bytes, place: int, first: int, count: int, window: int, client: bytes, now: int
    ) -> int:
        """Ask so many questions by the machine's clock, numbered from ``first`` on in eight digits at
        ``place`` of the packet, ``window`` on their way at one time; how many went to the slow path."""

    def punted(self) -> list[tuple[PuntReason, bytes, bytes]]:
        """What went to the slow path since the last call: why, the name that was asked for, the client."""

    def counts(self) -> dict[str, int]:
        """What is and was on its way."""

    def ports(self) -> list[int]:
        """The descriptors of the sockets towards upstreams."""
