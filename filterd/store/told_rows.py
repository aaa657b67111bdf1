"""Reads whole what rows of keys and of the times of orders are compared with: the rows, and entries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import AuditEntry
from filterd.model.order_times import NodeArrival, OrderEffect
from filterd.store.order_time_tables import order_effect, order_node
from filterd.store.tables import audit

ORDER_NUMBERS = "order:O-"
"""how the subjects of orders begin"""


async def entries(connection: AsyncConnection, actions: Sequence[str]) -> list[AuditEntry]:
    """The entries with one of these actions, oldest first, without their reasons. A state that is damaged is
    empty: the chain's own proof finds it."""
    return await _entries(connection, audit.c.action.in_(actions))


async def entries_about(
    connection: AsyncConnection, action: str, subjects: Sequence[str]
) -> list[AuditEntry]:
    """The same for one action on a few subjects, by the index of subjects: no walk over the whole trail."""
    return await _entries(connection, audit.c.subject.in_(subjects), audit.c.action == action)


async def entries_of_keys(connection: AsyncConnection, actions: Sequence[str]) -> list[AuditEntry]:
    """The same for some actions on any key, by that index."""
    return await _entries(connection, audit.c.subject.between("key:", "key;"), audit.c.action.in_(actions))


async def _entries(connection: AsyncConnection, *which: ColumnElement[bool]) -> list[AuditEntry]:
    query = select(audit).where(*which).order_by(audit.c.sequence)
    return [
        AuditEntry(row.revision, row.at, row.actor, row.action, row.subject, "", None, _state(row.after))
        for row in await connection.execute(query)
    ]


async def decisions(connection: AsyncConnection) -> list[tuple[str, int, float]]:
    """Reference, revision and moment of every entry about an order, oldest first."""
    query = (
        select(audit.c.subject, audit.c.revision, audit.c.at)
        .where(audit.c.subject.between(ORDER_NUMBERS, "order:O."), audit.c.action.not_like("node.%"))
        .order_by(audit.c.sequence)
    )
    rows = await connection.execute(query)
    return [(row.subject.removeprefix("order:"), row.revision, row.at) for row in rows]


async def effects(connection: AsyncConnection) -> list[OrderEffect]:
    """The effects of all orders, by order and number; the kind as the row has it."""
    query = select(order_effect).order_by(order_effect.c.order_number, order_effect.c.effect)
    return [OrderEffect(**row._mapping) for row in await connection.execute(query)]


async def arrivals(connection: AsyncConnection) -> list[NodeArrival]:
    """The arrivals of all effects, by order, effect and node; the probe as the row has it."""
    query = select(order_node).order_by(order_node.c.order_number, order_node.c.effect, order_node.c.node)
    return [NodeArrival(**row._mapping) for row in await connection.execute(query)]


def _state(after: str | None) -> dict[str, Any]:
    try:
        told = json.loads(after or "")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
