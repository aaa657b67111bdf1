"""The reports of the nodes, and the orders that wait for people."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from filterd.model.order_times import EffectKind
from filterd.model.records import CanaryState
from filterd.operations import nodes as operation
from filterd.operations.doctor import reading, snapshot
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.nodes import ANOTHER, NodeStatus
from filterd.operations.orders import times
from filterd.operations.orders.times import Outstanding
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout
from filterd.policy.snapshot_layout import SnapshotError
from filterd.store import orders
from filterd.store.errors import StoreError

PATIENCE = 120.0
"""seconds that nodes have to take a snapshot"""
SHOWN = 12
"""digits of a digest, as in ``filterd node list``"""
LATE = 10.0
"""seconds: a report comes every five at least"""


def check(case: Case) -> Iterator[Finding]:
    """Look at each node's last report. What keeps the store from being read, ``store`` says."""
    try:
        nodes, counts, orders_away = asyncio.run(_read(case))
    except StoreError:
        return
    if not nodes and len(case.roles) > 1:
        yield found("nodes.none")
    newest = _published(case)
    for each in nodes:
        yield from _node(each)
        has = each.report.snapshot_digest
        if newest and has != newest and not each.silent:
            about = {"has": has[:SHOWN] or "-", "newest": newest[:SHOWN]}
            yield found("nodes.other_snapshot", node=each.report.name, **about)
        elif each.drift:
            yield found("nodes.drifted", node=each.report.name, reason="; ".join(each.drift))
    yield from _orders(orders_away, case.machine.clock())
    for state in ("pending", "quarantined"):
        if counts[state]:
            yield found(f"nodes.orders_{state}", count=counts[state])


async def _read(case: Case) -> tuple[list[NodeStatus], dict[str, int], Outstanding]:
    async with reading.opened(case) as context:
        nodes = list(await operation.list_nodes(context))
        async with context.store.read() as connection:
            counts = await orders.count(connection)
        return nodes, counts, await times.outstanding(context)


def _orders(found_orders: Outstanding, now: float) -> Iterator[Finding]:
    """The oldest order that a node lacks, the oldest that one did not lift, and each seen otherwise."""
    for kind, finding in (
        (EffectKind.ENFORCE, "nodes.order_not_everywhere"),
        (EffectKind.LIFT, "nodes.order_not_lifted"),
    ):
        for each in found_orders.waiting[kind][:1]:
            if now - each.due_at > LATE:
                yield found(finding, order=each.reference, seconds=round(now - each.due_at))
    for reference in found_orders.contrary:
        yield found("nodes.order_contrary", order=reference)


def _published(case: Case) -> str:
    """The digest of the snapshot in force; empty where it cannot be read, or was published just now."""
    path = current_file(case.state / snapshot_layout.DIRECTORY)
    try:
        if path is None or case.machine.clock() - path.stat().st_mtime < PATIENCE:
            return ""
        return snapshot.facts(path)[0].digest.hex()
    except (SnapshotError, FileNotFoundError, ValueError):
        return ""  # ``snapshot`` says so


def _node(status: NodeStatus) -> Iterator[Finding]:
    report = status.report
    name = report.name
    if status.silent:
        yield found("nodes.silent", node=name)
        return
    if status.history == ANOTHER:
        yield found("nodes.other_history", node=name)
    elif not report.ready:
        yield found("nodes.not_ready", node=name, reason="; ".join(report.missing) or "?")
    if report.lag > LATE:
        yield found("nodes.behind", node=name, seconds=round(report.lag))
    if report.not_durable:
        yield found("nodes.not_durable", node=name, count=report.not_durable)
    for canary in report.canaries:
        if canary.state is CanaryState.PASSED:
            yield found("nodes.canary_passes", node=name, list=canary.label, reason=canary.reason)
        elif canary.state is CanaryState.UNJUDGED:
            yield found("nodes.canary_unjudged", node=name, list=canary.label, reason=canary.reason)
    if report.kept_orders:
        yield found("nodes.kept_orders", node=name, count=len(report.kept_orders))
