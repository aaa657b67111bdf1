"""The history of which list ran on which node when, written from the nodes' reports.

A period ends with the next version, or at the last report of a process that was not heard of again: while a
node is down, nothing runs on it, and the history has a gap. Control may be away meanwhile: a process that
went on serving says itself since when it has what it has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.mandatory import label_of
from filterd.model.records import ListPeriod, NodeReport
from filterd.operations.context import Context, OperationError
from filterd.store import node_history as rows
from filterd.store import snapshots
from filterd.store.preservation import is_held

WHOLE = ""
"""the label of the node as a whole: its digest covers all lists and orders"""
PAUSE = 60.0
"""seconds without a report that are no break: a restart takes less"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A period, and up to when it is known."""

    period: ListPeriod
    known_until: float
    """its end, or the last report of the node while it lasts"""


async def record(
    connection: AsyncConnection, before: NodeReport | None, report: NodeReport, keep: float
) -> None:
    """Write what has changed from the report ``before`` to this one; ``keep``: seconds that ended periods are
    kept."""
    lasting = await rows.lasting(connection, report.name)
    heard = before.seen_at if before is not None else 0.0
    continuous = report.began_at <= heard + PAUSE
    present = _present(report)
    changed = False
    for label, period in lasting.items():
        now = present.get(label)
        if now is not None and continuous and _same(now, period):
            del present[label]
            continue
        starts = report.seen_at if now is None else _start(now, heard, report)
        until = math.floor(starts if continuous else heard)
        await rows.end(connection, period, max(until, period.since))
        changed = True
    for each in present.values():
        since = _start(each, heard, report)
        await rows.begin(connection, ListPeriod(each.node, each.label, each.version, each.digest, since, 0.0))
    if changed and not await is_held(connection, "nodes", report.seen_at):
        await rows.forget(connection, report.seen_at - keep)


def _present(report: NodeReport) -> dict[str, ListPeriod]:
    """The periods that the report tells of, by label."""
    found = {
        each.label: ListPeriod(report.name, each.label, each.version, each.digest, each.since, 0.0)
        for each in report.feeds
    }
    if report.effective_digest:
        whole = ListPeriod(report.name, WHOLE, "", report.effective_digest, report.effective_at, 0.0)
        found[WHOLE] = whole
    return found


def _same(one: ListPeriod, other: ListPeriod) -> bool:
    return (one.version, one.digest) == (other.version, other.digest)


def _start(period: ListPeriod, heard: float, report: NodeReport) -> float:
    """The beginning that the node tells, not before its last report, which told otherwise, nor after this
    one: its clock may be wrong. In whole seconds, as it is shown and asked for."""
    return math.floor(min(max(period.since, heard), report.seen_at))


async def history(
    context: Context, *, node: str | None = None, list_id: str | None = None, at: float | None = None
) -> Sequence[Recorded]:
    """The recorded periods, oldest first. ``list_id``: an id, or the label of a confidential list. With
    ``at``, those that are known to contain this moment. Raises OperationError for a node that never
    reported."""
    labels = None if list_id is None else [list_id, label_of(list_id, confidential=True)]
    async with context.store.read() as connection:
        seen = {each.name: each.seen_at for each in await snapshots.nodes(connection)}
        found = await rows.periods(connection, node=node, labels=labels, at=at)
    if node is not None and node not in seen:
        message = f"no node {node!r} has ever reported"
        raise OperationError(message, "see their names: filterd node list")
    recorded = [Recorded(each, each.until or max(seen.get(each.node, 0.0), each.since)) for each in found]
    return [each for each in recorded if at is None or at <= each.known_until + PAUSE]
