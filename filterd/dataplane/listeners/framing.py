"""A TCP stream cut into messages: each stands behind two bytes that give its length (RFC 1035 §4.2.2,
RFC 7766 §8). Bytes in, messages out."""

from __future__ import annotations

SMALLEST = 12
"""bytes of a header: what claims to be shorter is no message, and what follows it cannot be trusted"""
LARGEST = 2 + 65535


class Framing:
    """What has arrived of one stream. Holds nothing while no message is under way."""

    __slots__ = ("_held", "broken")

    def __init__(self) -> None:
        self._held = bytearray()
        self.broken = False
        """a length was met that no message has; nothing more comes out"""

    def __len__(self) -> int:
        """Bytes that have come and were not given out."""
        return len(self._held)

    def feed(self, piece: bytes | memoryview) -> None:
        """More has arrived."""
        self._held += piece

    def start(self, most: int) -> bytes:
        """The first bytes held, for what may stand before the first message."""
        return bytes(self._held[:most])

    def skip(self, count: int) -> None:
        """Forget the first bytes held."""
        del self._held[:count]

    def next(self) -> bytes | None:
        """The next message; None: it is not complete, or the stream is broken."""
        held = self._held
        if self.broken or len(held) < 2:
            return None
        end = 2 + int.from_bytes(held[:2], "big")
        if end < 2 + SMALLEST:
            self.broken = True
            return None
        if len(held) < end:
            return None
        message = bytes(held[2:end])
        if len(held) == end:
            self._held = bytearray()  # a bytearray keeps the room of the largest message that it held
        else:
            del held[:end]
        return message
