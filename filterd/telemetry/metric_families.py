"""Turns counts into families of metrics."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric


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


def counter(
    name: str, text: str, labels: tuple[str, ...], counts: Mapping[str, int] | Mapping[tuple[str, str], int]
) -> Metric:
    """A total for each value of the labels, or of the one label."""
    family = CounterMetricFamily(name, text, labels=labels)
    for key, count in counts.items():
        family.add_metric((key,) if isinstance(key, str) else key, count)
    return family


def total(name: str, text: str, value: int) -> Metric:
    """A total without labels."""
    return CounterMetricFamily(name, text, value=value)


def gauge(name: str, text: str, value: float) -> Metric:
    """A value without labels."""
    return GaugeMetricFamily(name, text, value=value)


def by_state(name: str, text: str, counts: Mapping[str, int]) -> Metric:
    """A value for each state."""
    family = GaugeMetricFamily(name, text, labels=("state",))
    for state, count in counts.items():
        family.add_metric((state,), count)
    return family


def histogram(name: str, text: str, labels: tuple[str, ...], found: Mapping[str, Histogram]) -> Metric:
    """Counts by bucket for each value of the label, or without one."""
    family = HistogramMetricFamily(name, text, labels=labels)
    for label, histogram in found.items():
        family.add_metric((label,) if labels else (), histogram.buckets(), histogram.sum)
    return family
