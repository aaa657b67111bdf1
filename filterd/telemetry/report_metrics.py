"""The metrics of control on what reports count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import gauge


@dataclass(frozen=True, slots=True)
class ReportMetrics:
    """The take-up of days, and the growth of mandatory blocking in this month."""

    counted_until: float = 0.0
    """Unix seconds; 0: no day was counted, or this process did not look yet"""
    growth: int = 0
    """names"""
    beyond: int = 0
    """1: beyond the threshold"""


def report_families(now: ReportMetrics) -> Iterator[Metric]:
    """The families of these values."""
    yield gauge(
        "filterd_take_up_last_success_timestamp_seconds",
        "The end of the newest day for which the lines that have the service were counted, Unix seconds.",
        now.counted_until,
    )
    yield gauge(
        "filterd_mandatory_names_growth",
        "Names that mandatory blocking grew by in this month, by the daily statements.",
        now.growth,
    )
    yield gauge(
        "filterd_mandatory_growth_beyond",
        "1 if that is beyond the threshold from which on the public is told.",
        now.beyond,
    )
