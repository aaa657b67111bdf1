"""Statements about exceptions and suspensions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.lifting import Lifting, LiftingKind
from filterd.model.rule import Scope
from filterd.store.errors import StoreDamagedError
from filterd.store.tables import lifting


async def add(connection: AsyncConnection, made: Lifting) -> None:
    """Add a lifting."""
    await connection.execute(
        insert(lifting).values(asdict(made) | {"kind": made.kind.value, "scope": int(made.scope)})
    )


async def end(connection: AsyncConnection, number: int, actor: str, at: int) -> None:
    """Note that somebody ended a lifting."""
    await connection.execute(
        update(lifting).where(lifting.c.number == number).values(ended_by=actor, ended_at=at)
    )


async def find(connection: AsyncConnection, number: int) -> Lifting | None:
    """The lifting with this number; None: there is none."""
    row = (await connection.execute(select(lifting).where(lifting.c.number == number))).one_or_none()
    return None if row is None else lifting_of(row)


async def in_force(connection: AsyncConnection, kind: LiftingKind, now: int) -> list[Lifting]:
    """The liftings of a kind that hold at ``now``, by number."""
    query = select(lifting).where(
        lifting.c.kind == kind.value, lifting.c.ended_at == 0, lifting.c.until > now
    )
    rows = await connection.execute(query.order_by(lifting.c.number))
    return [found for found in map(lifting_of, rows) if found.holds(now)]


async def newest(connection: AsyncConnection, kind: LiftingKind, limit: int) -> list[Lifting]:
    """The newest liftings of a kind, newest first, those that are over among them."""
    query = select(lifting).where(lifting.c.kind == kind.value)
    rows = await connection.execute(query.order_by(lifting.c.number.desc()).limit(limit))
    return [lifting_of(row) for row in rows]


def lifting_of(row: Any) -> Lifting:
    """The lifting of a row. Raises StoreDamagedError."""
    try:
        kind, scope = LiftingKind(row.kind), Scope(row.scope)
    except ValueError:
        message = f"the record of the exception or suspension {row.number} is damaged"
        raise StoreDamagedError(message) from None
    return Lifting(
        number=row.number,
        kind=kind,
        name=row.name,
        scope=scope,
        reason=row.reason,
        made_by=row.made_by,
        made_at=row.made_at,
        until=row.until,
        ended_by=row.ended_by,
        ended_at=row.ended_at,
    )
