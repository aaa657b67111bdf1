"""Measures how long something has given no sign of life while its observer was awake to notice one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Silence:
    """The silence so far, advanced about every ``between`` seconds. Times: seconds of a clock that does not
    go back.

    Each advance adds the time since the one before, but at most twice ``between``: while the machine was
    suspended, or the observer stopped, no sign could be noticed.
    """

    between: float
    seconds: float = 0.0
    _advanced_at: float | None = None

    def heard(self) -> None:
        """Note a sign of life."""
        self.seconds = 0.0

    def advance(self, now: float) -> float:
        """Add the time since the last call; return the seconds without a sign of life."""
        if self._advanced_at is not None:
            self.seconds += min(max(now - self._advanced_at, 0.0), 2 * self.between)
        self._advanced_at = now
        return self.seconds
