"""Turns counts into families of metrics."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from filterd.telemetry.histogram import Histogram


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


def by_state(
    name: str, text: str, counts: Mapping[str, int] | Mapping[str, float], label: str = "state"
) -> Metric:
    """A value for each state, or for each value of another label."""
    family = GaugeMetricFamily(name, text, labels=(label,))
    for state, count in counts.items():
        family.add_metric((state,), count)
    return family


def histogram(name: str, text: str, labels: tuple[str, ...], found: Mapping[str, Histogram]) -> Metric:
    """Counts by bucket for each value of the label, or without one."""
    family = HistogramMetricFamily(name, text, labels=labels)
    for label, histogram in found.items():
        family.add_metric((label,) if labels else (), histogram.buckets(), histogram.sum)
    return family
