"""Why the slow path takes over what a thread of the fast path has begun."""

from __future__ import annotations

from enum import IntEnum


class PuntReason(IntEnum):
    """The numbers of ``punts.pxd``; the lower-cased name is the metric's label."""

    FORWARD = 0
    """no upstream is asked over plain UDP, or too much is pending there"""
    STALE = 1
    """a stale answer stands by, for the client-answer timer"""
    REFRESH = 2
    """answered; what it came from is to be asked for again"""
    BUSY = 3
    """a table was being written"""
    LOOP = 4
    """perhaps a probe of ours that came back"""
    UNANSWERED = 5
    """no upstream answered in time, or with anything that can be passed on"""
    TRUNCATED = 6
    """the answer was cut or lost its letter case: to be asked over TCP"""

    @property
    def word(self) -> str:
        """The metric's label."""
        return self.name.lower()
