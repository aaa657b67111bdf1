"""The form of the inputs of the fuzz targets ``packet`` and ``lines``.

An input is one byte that says how, one that says who, two of the query's length, the query, and then what an
upstream says to whatever is asked of it: two bytes of flags, six of counts, records (the question is put in
between, so that a pointer to offset 12 is the asked name).

``how``: 1 TCP; 2 a front has passed it on; 4 the clients do not wait where something stale stands by; 8 the
upstream is silent; 16 it set AD; the top three bits how much time goes by, or for ``lines`` 96: which state
is published in between. ``who``: the first client's place in :data:`~tests.fuzz.world.CLIENTS` and, in the
upper half, the second's.

:func:`replay` and :func:`compare` do in Python what the native targets do, so that corpus and regressions are
ordinary tests where no libFuzzer is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import Front
from filterd.wire import codec
from filterd.wire.message import StrippedAnswer
from tests.fuzz.world import CLIENTS, Served
from tests.worlds.policy import NOW

TCP, PROXIED, IMPATIENT, SILENT, AUTHENTIC, LATER, CLOSED = 1, 2, 4, 8, 16, 32, 64
MOST_TURNS = 4
FRONT = Front(bytes(16), b"")
HEAD = 4


def packed(query: bytes, answer: bytes | None, how: int = 0, who: int = 0) -> bytes:
    """The input for that query and an upstream's whole answer to it; None: it is silent."""
    rest = b""
    if answer is not None:
        found = codec.name_at(answer, 12)
        assert isinstance(found, tuple)
        rest = answer[2:4] + answer[6:12] + answer[found[1] + 4 :]
    how |= SILENT if answer is None else 0
    return bytes([how, who]) + len(query).to_bytes(2, "big") + query + rest


@dataclass(frozen=True)
class Input:
    """An input taken apart."""

    how: int
    clients: tuple[bytes, bytes]
    query: bytes
    rest: bytes

    @classmethod
    def read(cls, content: bytes) -> Self | None:
        """What the bytes mean; None for too few."""
        if len(content) < HEAD:
            return None
        who, end = content[1], HEAD + int.from_bytes(content[2:4], "big")
        first, second = (CLIENTS[half % len(CLIENTS)] for half in (who & 15, who >> 4))
        return cls(content[0], (first, second), content[HEAD:end], content[end:])

    def said(self, pending: Pending) -> StrippedAnswer | None:
        """What the upstream says to that; None: nothing that can be read."""
        if self.how & SILENT or len(self.rest) < 8:
            return None
        question = pending.name + pending.qtype.to_bytes(2, "big") + pending.qclass.to_bytes(2, "big")
        flags = bytes([self.rest[0] | 0x80, self.rest[1]])
        message = self.query[:2] + flags + b"\0\1" + self.rest[2:8] + question + self.rest[8:]
        stripped = codec.strip(message[:65535])
        return stripped if isinstance(stripped, StrippedAnswer) else None

    def exchange(self, packets: Plane, client: bytes, ticks: int) -> bytes | None:
        """The query's way to its answer; None for silence."""
        result = packets.receive(
            self.query, client, bool(self.how & TCP), NOW, ticks, FRONT if self.how & PROXIED else None
        )
        turns = 0
        while isinstance(result, Pending):
            turns += 1
            assert turns <= MOST_TURNS
            said = self.said(result)
            message, edes = (None, ()) if said is None else (said.message, said.edes)
            ad = bool(self.how & AUTHENTIC)
            if self.how & IMPATIENT and result.stale:
                stale = packets.answer_stale(result, NOW, ticks)
                if stale is not None:
                    packets.keep(result, message, ad, edes, ticks)
                    return stale
            result = packets.finish(result, message, ad, edes, NOW, ticks)
        return result


def replay(served: Served, content: bytes, ticks: int) -> list[bytes]:
    """What the exchanges of an input give back."""
    read = Input.read(content)
    if read is None:
        return []
    replies = []
    for client in read.clients:
        replies.append(read.exchange(served.packets, client, ticks))
        ticks += 1 << 3 * (read.how >> 5)
    return [reply for reply in replies if reply is not None]


def compare(served: Served, content: bytes) -> tuple[bytes | None, bytes | None]:
    """What the second client gets after the first, perhaps from the cache, and what it gets alone."""
    read = Input.read(content)
    if read is None:
        return None, None
    packets = served.packets
    first, second = read.clients
    served.cache.flush()
    served.publish(0)
    read.exchange(packets, first, 1000)
    served.publish((read.how >> 5) % len(served.states))
    after = read.exchange(packets, second, 1000)
    served.cache.flush()
    return after, read.exchange(packets, second, 1000)
