"""The response times of a server: smoothed for comparing servers, their recent spread for hedging."""

from __future__ import annotations

SHORTEST_HEDGE = 0.010
"""seconds"""
LONGEST_HEDGE = 0.400
"""seconds; also the wait for a server that has not answered yet"""
_MARGIN = 0.001
"""seconds: timers are no finer, and a server may always answer at the same speed"""
_KEPT = 128
_ENOUGH = 20
"""samples from which the 95th percentile is meaningful"""
_EVERY = 16
"""samples between two computations of it"""
_GAIN = 1 / 8
_VARIATION_GAIN = 1 / 4


class Latency:
    """Response times of one server, in seconds."""

    def __init__(self) -> None:
        self.smoothed: float | None = None
        """SRTT (RFC 6298 section 2); None: no sample yet"""
        self.variation = 0.0
        """RTTVAR (RFC 6298 section 2)"""
        self._recent: list[float] = []
        self._seen = 0
        self._percentile = LONGEST_HEDGE

    def observe(self, seconds: float) -> None:
        """Add the response time of one answer."""
        if self.smoothed is None:
            self.smoothed, self.variation = seconds, seconds / 2
        else:
            self.variation += _VARIATION_GAIN * (abs(self.smoothed - seconds) - self.variation)
            self.smoothed += _GAIN * (seconds - self.smoothed)
        self._remember(seconds)

    def _remember(self, seconds: float) -> None:
        if len(self._recent) < _KEPT:
            self._recent.append(seconds)
        else:
            self._recent[self._seen % _KEPT] = seconds
        self._seen += 1
        if len(self._recent) >= _ENOUGH and (self._seen == _ENOUGH or self._seen % _EVERY == 0):
            self._percentile = sorted(self._recent)[len(self._recent) * 95 // 100]

    def hedge_after(self) -> float:
        """The wait after which an answer is unusually late: the 95th percentile, or an estimate of it while
        there are few samples."""
        if len(self._recent) >= _ENOUGH:
            late = self._percentile + _MARGIN
        elif self.smoothed is not None:
            late = self.smoothed + 4 * self.variation
        else:
            late = LONGEST_HEDGE
        return min(max(late, SHORTEST_HEDGE), LONGEST_HEDGE)
