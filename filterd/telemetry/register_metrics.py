"""The metrics of registers of authorities, which control serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class RegisterMetrics:
    """The values of registers, each by its id."""

    pulled_at: Mapping[str, float] = field(default_factory=dict)
    """Unix seconds of the last good pull; 0: never"""
    failing: Mapping[str, bool] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    late: Mapping[str, int] = field(default_factory=dict)
    undelivered: Mapping[str, int] = field(default_factory=dict)
    declared: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(authority, kind) -> entries; kinds: names, addresses"""
    used: Mapping[tuple[str, str], int] = field(default_factory=dict)


def register_families(now: RegisterMetrics) -> Iterator[Metric]:
    """The families of registers."""
    by_register: tuple[tuple[str, str, Mapping[str, float]], ...] = (
        ("filterd_register_pulled_timestamp_seconds", "Time of the last good pull.", now.pulled_at),
        (
            "filterd_register_pull_failing",
            "1 while the last pull failed, or nothing is put in force.",
            now.failing,
        ),
        ("filterd_register_held", "Documents of which a part waits for a person.", now.held),
        ("filterd_register_answers_late", "Documents whose answers are due and not all there.", now.late),
        (
            "filterd_register_answers_undelivered",
            "Documents whose answers no receiver has taken.",
            now.undelivered,
        ),
    )
    for name, text, values in by_register:
        family = GaugeMetricFamily(name, text, labels=("register",))
        for register, value in values.items():
            family.add_metric((register,), float(value))
        yield family
    for name, text, rooms in (
        ("filterd_capacity_declared", "Entries declared to an authority, by kind.", now.declared),
        ("filterd_capacity_used", "Entries of an authority's orders and lists, by kind.", now.used),
    ):
        family = GaugeMetricFamily(name, text, labels=("authority", "kind"))
        for key, count in rooms.items():
            family.add_metric(key, count)
        yield family
