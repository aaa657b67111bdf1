"""Counts by bucket, which the roles keep without the library of the metrics: a start does not wait for it."""

from __future__ import annotations

ENFORCEMENT_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0)
"""seconds"""


class Histogram:
    """Counts by bucket. One writer; in a scrape, sum and counts may differ by one observation."""

    def __init__(
        self, bounds: tuple[float, ...], counts: list[int] | None = None, total: float = 0.0
    ) -> None:
        """``counts`` has one more than ``bounds``; ``total`` is the sum of all observations."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1) if counts is None else counts
        self.sum = total

    def observe(self, value: float) -> None:
        """Count one observation."""
        bucket = 0
        for bound in self.bounds:
            if value <= bound:
                break
            bucket += 1
        self.counts[bucket] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts, as the exposition format needs them."""
        total, found = 0, []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found
