"""Statements about keys that sign, and checkpoints of the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.checkpoint import AnnouncedKey, Checkpoint, KeyOrigin
from filterd.store.tables import audit, head
from filterd.store.trail_tables import checkpoint, installation, signing_key

_ORIGINS = frozenset(KeyOrigin)
_COLUMNS = tuple(each.name for each in fields(Checkpoint))


async def installation_id(connection: AsyncConnection) -> str:
    """The random id of this installation; empty: it has none yet."""
    return str((await connection.execute(select(installation.c.id))).scalar() or "")


async def name_installation(connection: AsyncConnection, identifier: str, now: float) -> None:
    """Give the installation its id, which it keeps for ever."""
    await connection.execute(insert(installation).values(id=identifier, made_at=now))


async def keys(connection: AsyncConnection) -> list[AnnouncedKey]:
    """Every public key, in the order in which they came into use."""
    return [_key(row) for row in await connection.execute(select(signing_key).order_by(signing_key.c.number))]


async def add_key(connection: AsyncConnection, key: AnnouncedKey) -> None:
    """Add a key that came into use."""
    values = {field.name: getattr(key, field.name) for field in fields(AnnouncedKey)}
    await connection.execute(insert(signing_key).values({**values, "how": key.how.value}))


async def note_announced(connection: AsyncConnection, numbers: Sequence[int], by: int) -> None:
    """Note the checkpoint that announced these keys."""
    await connection.execute(
        update(signing_key).where(signing_key.c.number.in_(numbers)).values(checkpoint=by)
    )


async def accept_key(connection: AsyncConnection, number: int, now: float) -> None:
    """Note that a person accepted a key that replaced another one."""
    await connection.execute(
        update(signing_key).where(signing_key.c.number == number).values(accepted_at=now)
    )


async def newest(connection: AsyncConnection) -> Checkpoint | None:
    """The newest checkpoint; None: there is none yet."""
    row = (await connection.execute(select(checkpoint).order_by(checkpoint.c.number.desc()).limit(1))).first()
    return None if row is None else _checkpoint(row)


async def find(connection: AsyncConnection, number: int) -> Checkpoint | None:
    """The checkpoint of this number."""
    row = (await connection.execute(select(checkpoint).where(checkpoint.c.number == number))).first()
    return None if row is None else _checkpoint(row)


async def page(
    connection: AsyncConnection, *, after: int = 0, limit: int = 1_000, newest_first: bool = False
) -> list[Checkpoint]:
    """Checkpoints above a number, in their order; or the newest ones of all."""
    query = select(checkpoint).where(checkpoint.c.number > after).limit(limit)
    number = checkpoint.c.number
    rows = await connection.execute(query.order_by(number.desc() if newest_first else number))
    return [_checkpoint(row) for row in rows]


async def count(connection: AsyncConnection) -> int:
    """The number of checkpoints."""
    return int((await connection.execute(select(func.count()).select_from(checkpoint))).scalar_one())


async def add(connection: AsyncConnection, row: Checkpoint) -> None:
    """Add a checkpoint."""
    await connection.execute(insert(checkpoint).values({name: getattr(row, name) for name in _COLUMNS}))


async def trail_head(connection: AsyncConnection) -> tuple[int, str, int, str]:
    """Sequence and hash of the last audit entry, revision and hash of the last change."""
    row = (await connection.execute(select(head))).one()
    return row.audit_sequence, row.audit_hash, row.revision, row.change_hash


async def entry_hash_at(connection: AsyncConnection, sequence: int) -> str | None:
    """The hash of the audit entry of this sequence; None: there is none."""
    found: str | None = (
        await connection.execute(select(audit.c.hash).where(audit.c.sequence == sequence))
    ).scalar()
    return found


async def order_decided_after(connection: AsyncConnection, sequence: int) -> bool:
    """True if an entry about an order stands behind this one."""
    query = select(audit.c.sequence).where(
        audit.c.sequence > sequence, audit.c.subject.between("order:", "order;")
    )
    return (await connection.execute(query.limit(1))).first() is not None


async def restored_after(connection: AsyncConnection, sequence: int) -> bool:
    """True if the store was restored behind this entry, as the trail tells."""
    query = select(audit.c.sequence).where(audit.c.sequence > sequence, audit.c.action == "store.restore")
    return (await connection.execute(query.limit(1))).first() is not None


def _checkpoint(row: Any) -> Checkpoint:
    return Checkpoint(**{name: getattr(row, name) for name in _COLUMNS})


def _key(row: Any) -> AnnouncedKey:
    return AnnouncedKey(
        row.number,
        row.purpose,
        row.key_id,
        row.public_key,
        KeyOrigin(row.how) if row.how in _ORIGINS else KeyOrigin.REPLACED,  # a row that was altered
        row.at,
        row.checkpoint,
        row.accepted_at,
    )
