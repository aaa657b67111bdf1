"""Makes a node's report of its state: what is on its disk and in force, not what was only read."""

from __future__ import annotations

from collections.abc import Sequence

from filterd.dataplane.nodestate.node import Node
from filterd.model.records import NodeReport
from filterd.serve.order_probe import SelfProbes
from filterd.serve.wiring import feeds_of, in_force, versions_of


def report_of(
    node: Node,
    name: str,
    began: float,
    faults: tuple[Sequence[str], Sequence[str]],
    probes: SelfProbes,
) -> NodeReport:
    """The report. ``began``: when the process began; ``faults``: the reasons why it is not ready, and what it
    serves without. The receiver sets ``seen_at``."""
    snapshot, cursor = node.publisher.snapshot, node.mandatory_cursor
    missing, lacking = faults
    digest, since = node.publisher.effective
    serves = in_force(node)
    return NodeReport(
        name=name,
        seen_at=0.0,
        mandatory_revision=cursor.revision,
        parental_revision=node.parental_cursor.revision,
        snapshot_digest=snapshot.digest if snapshot is not None else "",
        ready=not missing,
        lists=versions_of(snapshot.meta) if snapshot is not None else {},
        mandatory_hash=cursor.hash,
        lag=round(node.lag(), 1),
        not_durable=len(node.disk.not_durable),
        missing=(*missing, *lacking),
        kept_orders=tuple(order.reference for order in node.kept_orders()),
        began_at=began,
        effective_digest=digest if serves else "",
        effective_at=float(since),
        feeds=feeds_of(node),
        canaries=tuple(probes.lists.results),
        orders=probes.orders.told(),
    )
