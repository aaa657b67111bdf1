"""How many questions may be asked of a second server before the first has failed."""

from __future__ import annotations

SHARE = 0.1
"""of the questions: the slowest twentieth, and as many again"""
BURST = 16.0


class HedgeBudget:
    """A token bucket that questions fill and hedges empty: a slow upstream does not double its load."""

    def __init__(self) -> None:
        self._left = BURST

    def earn(self) -> None:
        """A question was asked."""
        self._left = min(self._left + SHARE, BURST)

    def take(self) -> bool:
        """Whether one may be asked twice."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
