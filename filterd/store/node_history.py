"""Statements about which list ran on which node when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.records import ListPeriod
from filterd.store.tables import node_list_history as history


async def lasting(connection: AsyncConnection, node: str) -> dict[str, ListPeriod]:
    """The periods of a node that are not over, by label."""
    query = select(history).where(history.c.node == node, history.c.until == 0)
    return {row.label: _period(row) for row in await connection.execute(query)}


async def all_lasting(connection: AsyncConnection) -> list[ListPeriod]:
    """The periods of every node that are not over."""
    return [_period(row) for row in await connection.execute(select(history).where(history.c.until == 0))]


async def end(connection: AsyncConnection, period: ListPeriod, until: float) -> None:
    """End a lasting period."""
    of_list = (history.c.node == period.node, history.c.label == period.label, history.c.until == 0)
    await connection.execute(update(history).where(*of_list).values(until=until))


async def begin(connection: AsyncConnection, period: ListPeriod) -> None:
    """Add a period that lasts."""
    await connection.execute(
        insert(history).values(
            node=period.node,
            label=period.label,
            version=period.version,
            digest=period.digest,
            since=period.since,
            until=0,
        )
    )


async def forget(connection: AsyncConnection, before: float) -> None:
    """Delete the periods that ended before this time."""
    await connection.execute(delete(history).where(history.c.until > 0, history.c.until < before))


async def periods(
    connection: AsyncConnection,
    *,
    node: str | None = None,
    labels: Sequence[str] | None = None,
    at: float | None = None,
) -> list[ListPeriod]:
    """The periods in the order of their beginnings: of one node, of one list, or those that contain a
    moment."""
    query = select(history).order_by(history.c.since, history.c.node, history.c.label)
    if node is not None:
        query = query.where(history.c.node == node)
    if labels is not None:
        query = query.where(history.c.label.in_(labels))
    if at is not None:
        query = query.where(history.c.since <= at, or_(history.c.until == 0, history.c.until > at))
    return [_period(row) for row in await connection.execute(query)]


def _period(row: Any) -> ListPeriod:
    return ListPeriod(row.node, row.label, row.version, row.digest, row.since, row.until)
