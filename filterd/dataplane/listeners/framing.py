"""A TCP stream cut into messages: each stands behind two bytes that give its length (RFC 1035 §4.2.2,
RFC 7766 §8). Bytes in, messages out."""

from __future__ import annotations

SMALLEST = 12
"""bytes of a header: what claims to be shorter is no message, and what follows it cannot be trusted"""
LARGEST = 2 + 65535


class Framing:
    """What has arrived of one stream. Holds nothing while no message is under way."""

    __slots__ = ("_arrived", "broken")

    def __init__(self) -> None:
        self._arrived = bytearray()
        self.broken = False
        """a length was met that no message has; nothing more comes out"""

    def __len__(self) -> int:
        """Bytes that have come and were not given out."""
        return len(self._arrived)

    def feed(self, piece: bytes | memoryview) -> None:
        """More has arrived."""
        self._arrived += piece

    def start(self, most: int) -> bytes:
        """The first bytes that arrived, for what may stand before the first message."""
        return bytes(self._arrived[:most])

    def skip(self, count: int) -> None:
        """Forget the first bytes that arrived."""
        del self._arrived[:count]

    def next(self) -> bytes | None:
        """The next message; None: it is not complete, or the stream is broken."""
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
            self._arrived = bytearray()  # a bytearray keeps the room of the largest message that it held
        else:
            del arrived[:end]
        return message
