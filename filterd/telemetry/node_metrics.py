"""The metrics of a node's own state: what it has applied, keeps and lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import Metric

from filterd.telemetry.metric_families import by_state, counter, gauge

if TYPE_CHECKING:
    from filterd.telemetry.metrics import ResolverMetrics


def node_families(now: ResolverMetrics) -> Iterator[Metric]:
    """Everything that a node says of its own state."""
    yield gauge("filterd_node_lines", "Lines that the node knows.", now.lines)
    unknown = "Profiles that lines have and the snapshot lacks."
    yield gauge("filterd_node_unknown_profiles", unknown, now.unknown_profiles)
    yield by_state(
        "filterd_category_unread",
        "Profiles of lines that restrict a category of which no list was ever read: these lines get what"
        " `dns.parental_fail` says. 0: no line has such a profile.",
        now.categories_unread,
        "category",
    )
    yield gauge(
        "filterd_overlay_entries",
        "Names and prefixes newer than the snapshot, in the overlay.",
        now.overlay_entries,
    )
    yield from _lifting_families(now)
    yield gauge(
        "filterd_node_revision_lag_seconds",
        "Seconds since the node last had every change of the store, in force and on its disk.",
        now.revision_lag,
    )
    yield gauge(
        "filterd_node_other_history",
        "Whether the store has another history than the one applied; the node keeps what it has.",
        float(now.other_history),
    )
    yield gauge(
        "filterd_node_kept_orders",
        "Orders that this node alone keeps in force: the store does not know them.",
        now.kept_orders,
    )
    yield gauge(
        "filterd_node_changes_not_durable",
        "Orders in force that are not on the node's disk, since it took no change.",
        now.not_durable,
    )
    yield counter(
        "filterd_handovers",
        "Starts with a predecessor that handed over, by how they went; passed on from one to the next.",
        ("outcome",),
        now.handovers,
    )
    taken = "Whether control takes the reports of this node."
    yield gauge("filterd_control_connected", taken, float(now.control_connected))


def _lifting_families(now: ResolverMetrics) -> Iterator[Metric]:
    yield gauge(
        "filterd_exceptions", "Exceptions in force: names that no list blocks for a while.", now.exceptions
    )
    yield gauge(
        "filterd_parental_suspended",
        "Whether parental filtering is suspended for every line.",
        float(now.parental_suspended),
    )
