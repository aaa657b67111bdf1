"""Statements about anchors: checkpoints that were taken outside, and the attempts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.trail_tables import anchor, anchor_state, countersigner


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """A checkpoint that an anchor has taken."""

    number: int
    anchor: str
    """its id"""
    kind: str
    checkpoint: int
    digest: str
    """of the checkpoint"""
    at: float
    """when it was taken, by our clock, Unix seconds"""
    told_at: float
    """the time that the anchor gives; 0: none"""
    key_id: str
    """of who countersigned; empty for other kinds"""
    proof: str
    """base64; empty where there is none"""


@dataclass(frozen=True, slots=True)
class AnchorAttempts:
    """The attempts at an anchor."""

    anchor: str
    tried_at: float
    succeeded_at: float
    """0: never"""
    failures: int
    """in a row"""
    trouble: str
    """why the last attempt failed; empty where it did not"""


_COLUMNS = tuple(each.name for each in fields(AnchorRow))


async def newest(connection: AsyncConnection, identifier: str) -> AnchorRow | None:
    """The newest checkpoint that an anchor has taken; None: it has taken none."""
    query = select(anchor).where(anchor.c.anchor == identifier)
    row = (
        await connection.execute(query.order_by(anchor.c.checkpoint.desc(), anchor.c.number.desc()))
    ).first()
    return None if row is None else _row(row)


async def of_checkpoint(connection: AsyncConnection, number: int) -> list[AnchorRow]:
    """What anchors have taken a checkpoint, in their order."""
    query = select(anchor).where(anchor.c.checkpoint == number).order_by(anchor.c.number)
    return [_row(row) for row in await connection.execute(query)]


async def page(connection: AsyncConnection, *, after: int = 0, limit: int = 1_000) -> list[AnchorRow]:
    """The rows above a number, in their order."""
    query = select(anchor).where(anchor.c.number > after).order_by(anchor.c.number).limit(limit)
    return [_row(row) for row in await connection.execute(query)]


async def next_number(connection: AsyncConnection) -> int:
    """The number of the row that comes next."""
    return int((await connection.execute(select(func.max(anchor.c.number)))).scalar_one() or 0) + 1


async def add(connection: AsyncConnection, row: AnchorRow) -> None:
    """Add a row."""
    await connection.execute(insert(anchor).values({name: getattr(row, name) for name in _COLUMNS}))


async def attempts(connection: AsyncConnection) -> dict[str, AnchorAttempts]:
    """The attempts at each anchor, by its id."""
    rows = await connection.execute(select(anchor_state))
    return {
        row.anchor: AnchorAttempts(row.anchor, row.tried_at, row.succeeded_at, row.failures, row.trouble)
        for row in rows
    }


async def note(connection: AsyncConnection, found: AnchorAttempts) -> None:
    """Overwrite the attempts at an anchor."""
    await connection.execute(delete(anchor_state).where(anchor_state.c.anchor == found.anchor))
    values = {each.name: getattr(found, each.name) for each in fields(AnchorAttempts)}
    await connection.execute(insert(anchor_state).values(values))


async def add_countersigner(connection: AsyncConnection, key_id: str, public_key: str, now: float) -> None:
    """Keep the public key (base64) of who countersigned."""
    known = select(countersigner.c.key_id).where(countersigner.c.key_id == key_id)
    if (await connection.execute(known)).first() is None:
        await connection.execute(insert(countersigner).values(key_id=key_id, public_key=public_key, at=now))


async def countersigners(connection: AsyncConnection) -> dict[str, str]:
    """The public keys (base64) of who countersigned, by their ids."""
    rows: Iterable[Any] = await connection.execute(select(countersigner))
    return {row.key_id: row.public_key for row in rows}


def _row(row: Any) -> AnchorRow:
    return AnchorRow(**{name: getattr(row, name) for name in _COLUMNS})
