"""The last reports of the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filterd.model.records import NodeReport
from filterd.operations.context import Context
from filterd.store import change_log
from filterd.store import snapshots as rows

SILENT_AFTER = 60.0
"""seconds without a report until a node counts as silent"""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node's report beside the revision of the store."""

    report: NodeReport
    revision: int
    """the store's newest"""
    silent: bool


async def record(context: Context, report: NodeReport) -> None:
    """Store a node's acknowledgement or heartbeat; neither change log nor audit trail records it."""
    async with context.store.report() as connection:
        await rows.report(connection, report)


async def list_nodes(context: Context) -> Sequence[NodeStatus]:
    """Every node that ever reported, by name."""
    now = context.clock()
    async with context.store.read() as connection:
        revision = await change_log.revision(connection)
        return [
            NodeStatus(each, revision, abs(now - each.seen_at) > SILENT_AFTER)  # the clock may be set back
            for each in await rows.nodes(connection)
        ]
