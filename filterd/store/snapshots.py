"""Statements about published snapshots and about what nodes report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.records import NodeReport, SnapshotRecord
from filterd.store.tables import node, snapshot


async def add(connection: AsyncConnection, record: SnapshotRecord) -> None:
    """A snapshot that is about to be published."""
    await connection.execute(delete(snapshot).where(snapshot.c.file == record.file))
    await connection.execute(
        insert(snapshot).values(
            file=record.file,
            digest=record.digest,
            revision=record.revision,
            built_at=record.built_at,
            names=record.names,
            size=record.size,
        )
    )


async def newest(connection: AsyncConnection, limit: int = 20) -> list[SnapshotRecord]:
    """The last snapshots, newest first."""
    rows = await connection.execute(select(snapshot).order_by(snapshot.c.revision.desc()).limit(limit))
    return [
        SnapshotRecord(row.file, row.digest, row.revision, row.built_at, row.names, row.size) for row in rows
    ]


async def report(connection: AsyncConnection, said: NodeReport) -> None:
    """Replace what is known of a node."""
    await connection.execute(delete(node).where(node.c.name == said.name))
    await connection.execute(
        insert(node).values(
            name=said.name,
            seen_at=said.seen_at,
            mandatory_revision=said.mandatory_revision,
            parental_revision=said.parental_revision,
            snapshot_digest=said.snapshot_digest,
            ready=said.ready,
            lists=json.dumps(said.lists, sort_keys=True),
        )
    )


async def nodes(connection: AsyncConnection) -> Sequence[NodeReport]:
    """Every node that ever reported, by name."""
    return [_node(row) for row in await connection.execute(select(node).order_by(node.c.name))]


def _node(row: Any) -> NodeReport:
    return NodeReport(
        name=row.name,
        seen_at=row.seen_at,
        mandatory_revision=row.mandatory_revision,
        parental_revision=row.parental_revision,
        snapshot_digest=row.snapshot_digest,
        ready=row.ready,
        lists=json.loads(row.lists),
    )
