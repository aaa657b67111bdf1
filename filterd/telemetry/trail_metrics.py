"""The metrics of checkpoints, anchors and statements, which control serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric

from filterd.telemetry.metric_families import gauge


@dataclass(frozen=True, slots=True)
class AnchorMetrics:
    """The values of one anchor."""

    succeeded_at: float = 0.0
    """Unix seconds; 0: never"""
    failures: int = 0
    """in a row"""
    waiting: int = 0
    """checkpoints that it does not have"""


@dataclass(frozen=True, slots=True)
class TrailMetrics:
    """The values of the trail beyond the machine. Times are Unix seconds, 0 for never."""

    checkpoint_at: float = 0.0
    uncovered: int = 0
    """entries of the trail behind the newest checkpoint"""
    refused: bool = False
    """nothing is signed: the newest checkpoint does not agree with the trail, or there is no key"""
    keys_unexplained: int = 0
    statement_at: float = 0.0
    anchors: Mapping[str, AnchorMetrics] = field(default_factory=dict)


def trail_families(now: TrailMetrics) -> Iterator[Metric]:
    """The families of checkpoints, anchors and statements."""
    yield gauge(
        "filterd_checkpoint_timestamp_seconds",
        "When the newest checkpoint of the audit trail was signed, Unix seconds; 0: never.",
        now.checkpoint_at,
    )
    yield gauge(
        "filterd_checkpoint_uncovered_entries",
        "Entries of the audit trail behind the newest checkpoint.",
        now.uncovered,
    )
    yield gauge(
        "filterd_checkpoint_refused",
        "1 while no checkpoint can be signed: the newest one does not agree with the trail, or the key "
        "cannot be used.",
        float(now.refused),
    )
    yield gauge(
        "filterd_signing_keys_unexplained",
        "Keys that took the place of another one, which nobody has accepted.",
        now.keys_unexplained,
    )
    yield gauge(
        "filterd_statement_timestamp_seconds",
        "When the newest public statement was signed, Unix seconds; 0: never.",
        now.statement_at,
    )
    yield from _anchors(now.anchors)


def _anchors(found: Mapping[str, AnchorMetrics]) -> Iterator[Metric]:
    success = GaugeMetricFamily(
        "filterd_anchor_last_success_timestamp_seconds",
        "When an anchor last took a checkpoint, Unix seconds; 0: never.",
        labels=("anchor",),
    )
    failures = GaugeMetricFamily(
        "filterd_anchor_failures", "Failed attempts at an anchor since its last success.", labels=("anchor",)
    )
    waiting = GaugeMetricFamily(
        "filterd_anchor_waiting", "Checkpoints that an anchor does not have.", labels=("anchor",)
    )
    for name, each in found.items():
        success.add_metric((name,), each.succeeded_at)
        failures.add_metric((name,), each.failures)
        waiting.add_metric((name,), each.waiting)
    yield from (success, failures, waiting)
