"""Splits a TCP stream into messages, each preceded by its length in two bytes (RFC 1035 §4.2.2, RFC 7766 §8).
Bytes in, messages out."""

from __future__ import annotations

SMALLEST = 12
"""bytes of a DNS header: a shorter message is none, and the bytes after it cannot be trusted"""
LARGEST = 2 + 65535


class Framing:
    """The received bytes of one stream that do not form a whole message yet."""

    __slots__ = ("_arrived", "broken")

    def __init__(self) -> None:
        self._arrived = bytearray()
        self.broken = False
        """a length was read that no message has; no more messages are returned"""

    def __len__(self) -> int:
        """The number of bytes that arrived and were not returned yet."""
        return len(self._arrived)

    def feed(self, piece: bytes | memoryview) -> None:
        """Add bytes that arrived."""
        self._arrived += piece

    def start(self, most: int) -> bytes:
        """The first bytes, at most ``most``: something else may precede the first message."""
        return bytes(self._arrived[:most])

    def skip(self, count: int) -> None:
        """Drop the first ``count`` bytes."""
        del self._arrived[:count]

    def next(self) -> bytes | None:
        """The next message; None: it is incomplete, or the stream is broken."""
        arrived = self._arrived
        if self.broken or len(arrived) < 2:
            return None
        end = 2 + int.from_bytes(arrived[:2], "big")
        if end < 2 + SMALLEST:
            self.broken = True
            return None
        if len(arrived) < end:
            return None
        message = bytes(arrived[2:end])
        if len(arrived) == end:
            self._arrived = bytearray()  # a bytearray keeps the memory of the largest message that it held
        else:
            del arrived[:end]
        return message
