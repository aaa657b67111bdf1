"""Statements about published snapshots and the reports of nodes."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.records import CanaryResult, CanaryState, FeedInForce, NodeReport, SnapshotRecord
from filterd.store.tables import node, snapshot


async def add(connection: AsyncConnection, record: SnapshotRecord) -> None:
    """Add a snapshot that is about to be published."""
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


async def of_file(connection: AsyncConnection, file: str) -> SnapshotRecord | None:
    """The snapshot in this file; None: no row tells of it."""
    row = (await connection.execute(select(snapshot).where(snapshot.c.file == file))).first()
    if row is None:
        return None
    return SnapshotRecord(row.file, row.digest, row.revision, row.built_at, row.names, row.size)


async def of_digest(connection: AsyncConnection, digest: str) -> SnapshotRecord | None:
    """The newest snapshot with this digest; None: none was published."""
    found = await connection.execute(
        select(snapshot).where(snapshot.c.digest == digest).order_by(snapshot.c.revision.desc())
    )
    row = found.first()
    if row is None:
        return None
    return SnapshotRecord(row.file, row.digest, row.revision, row.built_at, row.names, row.size)


async def compiled(connection: AsyncConnection, digests: Collection[str]) -> frozenset[str]:
    """Those of the digests that a published snapshot has or had."""
    query = select(snapshot.c.digest).where(snapshot.c.digest.in_(digests)).distinct()
    return frozenset((await connection.execute(query)).scalars())


async def report(connection: AsyncConnection, received: NodeReport) -> None:
    """Replace a node's last report."""
    await connection.execute(delete(node).where(node.c.name == received.name))
    await connection.execute(
        insert(node).values(
            name=received.name,
            seen_at=received.seen_at,
            mandatory_revision=received.mandatory_revision,
            parental_revision=received.parental_revision,
            snapshot_digest=received.snapshot_digest,
            ready=received.ready,
            lists=json.dumps(received.lists, sort_keys=True),
            mandatory_hash=received.mandatory_hash,
            lag=received.lag,
            not_durable=received.not_durable,
            missing=json.dumps(received.missing),
            kept_orders=json.dumps(received.kept_orders),
            began_at=received.began_at,
            effective_digest=received.effective_digest,
            effective_at=received.effective_at,
            feeds=json.dumps([asdict(each) for each in received.feeds]),
            canaries=json.dumps([asdict(each) for each in received.canaries]),
        )
    )


async def last_report(connection: AsyncConnection, name: str) -> NodeReport | None:
    """A node's last report; None: it has never reported."""
    row = (await connection.execute(select(node).where(node.c.name == name))).first()
    return None if row is None else _node(row)


async def nodes(connection: AsyncConnection) -> Sequence[NodeReport]:
    """The last report of every node, by name."""
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
        mandatory_hash=row.mandatory_hash,
        lag=row.lag,
        not_durable=row.not_durable,
        missing=tuple(json.loads(row.missing)),
        kept_orders=tuple(json.loads(row.kept_orders)),
        began_at=row.began_at,
        effective_digest=row.effective_digest,
        effective_at=row.effective_at,
        feeds=tuple(FeedInForce(**each) for each in json.loads(row.feeds)),
        canaries=tuple(_canary(each) for each in json.loads(row.canaries)),
    )


def _canary(fields: dict[str, Any]) -> CanaryResult:
    return CanaryResult(**{**fields, "state": CanaryState(fields["state"])})
