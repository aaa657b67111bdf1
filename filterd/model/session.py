"""A session: an address, or some of its ports, that belongs to a line for a while."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class SessionSource(IntEnum):
    """The source that told of a session."""

    RADIUS = 1
    LEASE = 2
    """a DHCP server's lease file, or its event"""
    COMMAND = 3
    """``filterd session put``"""

    @property
    def word(self) -> str:
        """The word for commands and metrics."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Session:
    """A session as control has it at this moment. Nothing of it is kept when it ends."""

    addresses: tuple[str, ...]
    """prefixes in canonical text, or ``192.0.2.1:1024-2047``"""
    line: int
    """0: nobody has registered the subscriber that it names"""
    source: SessionSource
    confirmed_at: float
    """Unix seconds of the newest packet, lease or command about it"""
    until: float
    """Unix seconds after which it is stale"""
