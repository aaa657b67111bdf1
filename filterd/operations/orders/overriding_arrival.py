"""An order that overrides protection is in force on a node once the snapshot there has it.

The order itself reaches a node at once. Protection answers its names all the same until control has compiled
a snapshot that takes it off them, and the node has that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.mandatory import order_id
from filterd.model.order_times import EffectKind, OrderEffect
from filterd.model.records import NodeReport
from filterd.operations import snapshots
from filterd.operations.context import Context
from filterd.policy import snapshot_layout
from filterd.policy.overriding import OVERRIDING
from filterd.policy.snapshot_layout import SnapshotError
from filterd.store import orders
from filterd.store import snapshots as rows


async def overriding(connection: AsyncConnection, effects: Iterable[OrderEffect]) -> set[int]:
    """The numbers of those orders with an enforcement among these effects that override protection."""
    wanted = {each.order_number for each in effects if each.kind is EffectKind.ENFORCE}
    return await orders.overriding_of(connection, wanted)


async def unprotected(
    connection: AsyncConnection, context: Context, report: NodeReport, numbers: Collection[int]
) -> set[int]:
    """Those of the orders with these numbers whose names the snapshot of a node does not protect, by its
    report. None of a snapshot whose file is not here any more: nobody knows what it protects."""
    if not numbers:
        return set()
    found = await rows.of_digest(connection, report.snapshot_digest)
    if found is None:
        return set()
    path = context.settings.state_dir / snapshot_layout.DIRECTORY / found.file
    ids = await asyncio.to_thread(_overriding_in, path, found.digest)
    return {each for each in numbers if order_id(each) in ids}


def _overriding_in(path: Path, digest: str) -> frozenset[int]:
    """The ids that the meta of a snapshot file has; none where it is another one, gone or damaged."""
    try:
        record, meta = snapshots.read_facts(path)
    except (SnapshotError, OSError, ValueError):
        return frozenset()
    return frozenset(meta.get(OVERRIDING, ())) if record.digest == digest else frozenset()
