"""The last reports of the nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError
from filterd.model.records import OTHER_HISTORY, NodeReport
from filterd.operations import drift, node_history
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError
from filterd.store import change_log
from filterd.store import orders as order_rows
from filterd.store import snapshots as rows

SILENT_AFTER = 60.0
"""seconds without a report until a node counts as silent"""
LOST_ORDERS = "lost-orders"
"""the file in the state directory that names the kept orders which nodes have lost"""
THIS, ANOTHER, UNKNOWN = "this", "another", "unknown"
"""the history that a node follows: that of the store, another one, or unknown, since the place that it has is
below the floor, so that it reads everything anew"""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node's report beside the revision of the store."""

    report: NodeReport
    revision: int
    """the store's newest"""
    silent: bool
    history: str
    """THIS, ANOTHER or UNKNOWN"""
    drift: tuple[str, ...] = ()
    """why it runs other lists than it should; empty: it does not, or another remark explains it"""


async def record(context: Context, report: NodeReport) -> tuple[str, ...]:
    """Store a node's acknowledgement or heartbeat; neither change log nor audit trail records it. Returns the
    kept orders that it had at its last report and has no longer, though nobody ended them: its disk lost
    them, and their names pass. They are noted until they are ended. Raises OSError or DamagedFileError where
    that cannot be done; the report is not stored then."""
    async with context.store.report() as connection:
        before = await rows.last_report(connection, report.name)
        kept = set() if before is None else set(before.kept_orders)
        gone = await order_rows.unknown(connection, kept - set(report.kept_orders))
        await asyncio.to_thread(_note_losses, losses_file(context), report, gone)
        await node_history.record(connection, before, report, context.settings.nodes.history)
        await rows.report(connection, report)
    return tuple(sorted(gone))


def losses_file(context: Context) -> Path:
    """The path of :data:`LOST_ORDERS`."""
    return context.settings.state_dir / LOST_ORDERS


async def lost_orders(context: Context) -> Mapping[str, tuple[str, ...]]:
    """Return the kept orders that each node has lost and that have not been ended since, by its name. Raises
    OSError or DamagedFileError where the file of them cannot be read."""
    noted = await asyncio.to_thread(_noted_losses, losses_file(context))
    async with context.store.read() as connection:
        still = await order_rows.unknown(connection, {each for lost in noted.values() for each in lost})
    found = {node: tuple(each for each in lost if each in still) for node, lost in noted.items()}
    return {node: lost for node, lost in found.items() if lost}


def _noted_losses(path: Path) -> dict[str, list[str]]:
    try:
        found: dict[str, list[str]] = json.loads(checked_file.read(path))
    except FileNotFoundError:
        return {}
    return found


def _note_losses(path: Path, report: NodeReport, gone: set[str]) -> None:
    try:
        noted = _noted_losses(path)
    except (OSError, DamagedFileError):
        if gone:
            raise
        return  # nothing is to be noted: a damaged file keeps no report out
    lost = sorted({*noted.get(report.name, ()), *gone} - set(report.kept_orders))
    if lost != noted.get(report.name, []):
        checked_file.write(path, json.dumps(noted | {report.name: lost}).encode("ascii"))


async def list_nodes(context: Context) -> Sequence[NodeStatus]:
    """Every node that ever reported, by name."""
    now = context.clock()
    async with context.store.read() as connection:
        revision = await change_log.revision(connection)
        found = [
            NodeStatus(
                each,
                revision,
                abs(now - each.seen_at) > SILENT_AFTER,  # the clock may be set back
                await history_of(connection, each),
            )
            for each in await rows.nodes(connection)
        ]
        heard = [each.report for each in found if not each.silent and each.history != ANOTHER]
        made = await drift.made(connection, context, heard)
    drifted = drift.drifts(heard, made, now, context.settings.nodes.drift_after)
    return [replace(each, drift=drifted.get(each.report.name, ())) for each in found]


async def show(context: Context, name: str) -> NodeStatus:
    """One node. Raises OperationError where none of this name has ever reported."""
    for each in await list_nodes(context):
        if each.report.name == name:
            return each
    message = f"no node {name!r} has ever reported"
    raise UnknownError(message, "see their names: filterd node list")


async def history_of(connection: AsyncConnection, report: NodeReport) -> str:
    """The history that a node followed when it reported: THIS, ANOTHER or UNKNOWN."""
    newest = await change_log.revision(connection)
    there = await change_log.hash_at(connection, report.mandatory_revision)
    if OTHER_HISTORY in report.missing or report.mandatory_revision > newest:
        return ANOTHER
    if there is None or not report.mandatory_hash:
        return UNKNOWN
    return THIS if there == report.mandatory_hash else ANOTHER
