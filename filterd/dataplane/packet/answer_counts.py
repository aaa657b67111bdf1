"""Record: the counts of the slow path beside the native counters. No name, no line, no address."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""seconds: the upper ends of the response times' buckets"""


@dataclass(slots=True)
class AnswerCounts:
    """Answers and drops of the slow path. Owned by the event loop's thread."""

    responses: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """answers by response time; the last bucket has no upper end"""
    seconds: float = 0.0
    """the sum of all response times"""
    drops: dict[str, int] = field(default_factory=dict)

    def answered(self, seconds: float) -> None:
        """Count an answer that was sent ``seconds`` after its query came."""
        self.responses[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def dropped(self, reason: str) -> None:
        """Count a packet that got no answer, or a connection that was closed, by reason."""
        self.drops[reason] = self.drops.get(reason, 0) + 1
