"""The table of sessions and the receiver of accounting packets, as this room needs them."""

from __future__ import annotations

from typing import Protocol

ClaimEntry = tuple[bytes, int, tuple[int, int] | None]
"""16 bytes of address, prefix length, ports"""


class SubscriberTable(Protocol):
    """The part of the table that knows which line a subscriber has."""

    def register_many(self, pairs: bytes | bytearray) -> None:
        """Note the lines of subscribers: of each the fingerprint of its id (16 bytes) and the line (8)."""

    def forget(self, subscriber: bytes) -> None:
        """The subscriber has no line any more."""


class OutboxTable(Protocol):
    """The part of the table that the stream reads."""

    @property
    def stream(self) -> int:
        """The id of this history of changes."""

    @property
    def sequence(self) -> int:
        """The number of the newest change."""

    def changes(self, after: int, most: int) -> tuple[int, bytes] | None:
        """The entries behind a number, and the last one's number; None where they are no longer known."""

    def full(self, cursor: int, most: int) -> tuple[int, bytes]:
        """Some entries of the state from a cursor on (0 at first), and the next cursor (0 at the end)."""
