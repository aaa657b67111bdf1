"""How long something has given no sign of life, as far as somebody was awake to notice one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Silence:
    """Looked at every ``between`` seconds or so. Times are seconds of a clock that does not go back.

    A look adds what has passed since the one before, but never more than two looks' time: where the whole
    machine was suspended, or the one who looks was stopped, there was nothing to be heard.
    """

    between: float
    seconds: float = 0.0
    _advanced_at: float | None = None

    def heard(self) -> None:
        """It lives."""
        self.seconds = 0.0

    def advance(self, now: float) -> float:
        """Seconds without a sign."""
        if self._advanced_at is not None:
            self.seconds += min(max(now - self._advanced_at, 0.0), 2 * self.between)
        self._advanced_at = now
        return self.seconds
