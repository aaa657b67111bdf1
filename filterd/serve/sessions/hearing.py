"""How RADIUS is heard of: since when nothing was accepted, and within which time sessions are confirmed.

Both are numbers of the network as a whole. Whether ``accounting.stale_after`` suits the network shows in the
second: where sessions are told of again each T seconds, their confirmations are evenly 0 to T seconds old.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from filterd.model.session import SessionSource
from filterd.wire.session_stream import ENTRY_SIZE, MOST_ENTRIES, SessionEntry

SAMPLE_LOOKS = 60
"""looks between two samples"""
SAMPLE_PARTS = 2
"""parts of the table in a sample, some thousand sessions: the event loop waits for it"""
FEWEST_SESSIONS = 20
"""below which a sample says nothing"""
SHARE = 0.9
"""of the sessions, whose confirmations are younger than what is told: some have ended without a word"""


class SampledTable(Protocol):
    """The part of the table that samples are taken of."""

    stale_after: int
    """seconds"""

    def full(self, cursor: int, most: int, *, unregistered: bool = False) -> tuple[int, bytes]:
        """The entries of some sessions, and the cursor to go on with; 0: there are no more."""


class RadiusHearing:
    """Looked at once a second. Owned by the event loop."""

    def __init__(self, table: SampledTable, ticks: Callable[[], float]) -> None:
        """``ticks``: seconds of a clock that does not go back."""
        self.within = 0.0
        """seconds within which nine in ten sessions were confirmed; 0: too few sessions to tell"""
        self._table = table
        self._ticks = ticks
        self._heard = ticks()
        self._accepted = 0
        self._looks = 0
        self._cursor = 0

    @property
    def silence(self) -> float:
        """Seconds since a packet was accepted, or since the start."""
        return self._ticks() - self._heard

    def look(self, accepted: int) -> None:
        """Take the packets that were accepted since the start."""
        if accepted != self._accepted:
            self._accepted, self._heard = accepted, self._ticks()
        if self._looks % SAMPLE_LOOKS == 0:
            self._sample()
        self._looks += 1

    def _sample(self) -> None:
        """Go on in the table where the sample before ended."""
        ages: list[int] = []
        for _ in range(SAMPLE_PARTS):
            self._cursor, entries = self._table.full(self._cursor, MOST_ENTRIES, unregistered=True)
            for at in range(0, len(entries), ENTRY_SIZE):
                entry = SessionEntry.from_bytes(entries[at : at + ENTRY_SIZE])
                if entry.source == SessionSource.RADIUS:
                    ages.append(self._table.stale_after - entry.left)
            if not self._cursor:
                break
        ages.sort()
        self.within = float(max(0, ages[int(len(ages) * SHARE)])) if len(ages) >= FEWEST_SESSIONS else 0.0
