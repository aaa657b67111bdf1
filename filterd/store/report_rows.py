"""Statements about entries of the audit trail that reports count."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.tables import audit


async def count(connection: AsyncConnection, actions: Sequence[str], since: float, until: float) -> int:
    """The entries with one of some actions, from a time on to before another."""
    query = select(func.count()).select_from(audit)
    query = query.where(audit.c.action.in_(actions), audit.c.at >= since, audit.c.at < until)
    return int((await connection.execute(query)).scalar_one())
