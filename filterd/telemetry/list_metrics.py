"""The families of metrics on the lists of a node, and on their canaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class ListMetrics:
    """The values of one list in force; ``label`` is opaque for a confidential one."""

    label: str
    version: str
    digest: str
    names: int
    loaded: float
    """when this version came into force, Unix seconds"""


@dataclass(frozen=True, slots=True)
class CanaryMetrics:
    """The values of one list's canary."""

    blocked: bool | None
    """None: it could not be judged"""
    last_success: float
    """Unix seconds, 0: never"""


@dataclass(frozen=True, slots=True)
class ProofMetrics:
    """The values that prove what is in force."""

    lists: Sequence[ListMetrics] = ()
    effective_digest: str = ""
    canaries: Mapping[str, CanaryMetrics] = field(default_factory=dict)
    """by the list's label"""


def proof_families(now: ProofMetrics) -> Iterator[Metric]:
    """The families on lists and canaries."""
    yield from _list_families(now)
    yield from _canary_families(now.canaries)


def _list_families(now: ProofMetrics) -> Iterator[Metric]:
    info = InfoMetricFamily(
        "filterd_list", "Version and digest of each feed's list in force on this node.", labels=("list",)
    )
    names = GaugeMetricFamily(
        "filterd_list_names", "Names of a feed's list in force on this node.", labels=("list",)
    )
    loaded = GaugeMetricFamily(
        "filterd_list_loaded_timestamp_seconds",
        "When the list's present version came into force on this node, Unix seconds.",
        labels=("list",),
    )
    for each in now.lists:
        info.add_metric((each.label,), {"version": each.version, "digest": each.digest})
        names.add_metric((each.label,), each.names)
        loaded.add_metric((each.label,), each.loaded)
    effective = InfoMetricFamily(
        "filterd_effective", "Digest over all lists and orders in force on this node."
    )
    if now.effective_digest:
        effective.add_metric((), {"digest": now.effective_digest})
    yield from (info, names, loaded, effective)


def _canary_families(canaries: Mapping[str, CanaryMetrics]) -> Iterator[Metric]:
    blocked = GaugeMetricFamily(
        "filterd_canary",
        "Whether the canary name of a mandatory list is blocked here; absent while it cannot be judged.",
        labels=("list",),
    )
    success = GaugeMetricFamily(
        "filterd_canary_last_success_timestamp_seconds",
        "When a mandatory list's canary was last found blocked, Unix seconds; 0: never since the start.",
        labels=("list",),
    )
    for label, values in canaries.items():
        if values.blocked is not None:
            blocked.add_metric((label,), float(values.blocked))
        success.add_metric((label,), values.last_success)
    yield from (blocked, success)
