"""Statements about passkeys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.passkey import Passkey
from filterd.store import tables
from filterd.store.passkey_tables import passkey


async def add(connection: AsyncConnection, made: Passkey) -> None:
    """Add a passkey."""
    await connection.execute(insert(passkey).values(asdict(made)))


async def of_credential(connection: AsyncConnection, credential: str) -> Passkey | None:
    """The passkey with this id, whether it still holds or not."""
    rows = await connection.execute(select(passkey).where(passkey.c.credential == credential))
    found = rows.one_or_none()
    return None if found is None else _passkey(found)


async def find(connection: AsyncConnection, number: int) -> Passkey | None:
    """The passkey with this number."""
    found = (await connection.execute(select(passkey).where(passkey.c.number == number))).one_or_none()
    return None if found is None else _passkey(found)


async def all_passkeys(connection: AsyncConnection, token: int | None = None) -> list[Passkey]:
    """Every passkey by number, or those of one token; those that hold no longer among them."""
    wanted = select(passkey).order_by(passkey.c.number)
    if token is not None:
        wanted = wanted.where(passkey.c.token == token)
    return [_passkey(row) for row in await connection.execute(wanted)]


async def valid_among(connection: AsyncConnection, numbers: Collection[int]) -> list[Passkey]:
    """Those with these numbers that are not revoked."""
    wanted = select(passkey).where(passkey.c.number.in_(numbers), passkey.c.revoked_at == 0.0)
    return [_passkey(row) for row in await connection.execute(wanted)]


async def any_of_name(connection: AsyncConnection, name: str) -> bool:
    """Return whether any token of this name ever had a passkey, revoked or not."""
    wanted = select(passkey.c.number).join(tables.token, tables.token.c.number == passkey.c.token)
    wanted = wanted.where(tables.token.c.name == name)
    return (await connection.execute(wanted.limit(1))).one_or_none() is not None


async def revoke(connection: AsyncConnection, number: int, actor: str, at: float, means: str) -> None:
    """Note that somebody revoked a passkey, by these means."""
    await connection.execute(
        update(passkey)
        .where(passkey.c.number == number)
        .values(revoked_by=actor, revoked_at=at, revoked_with=means)
    )


async def note_use(connection: AsyncConnection, number: int, uses: int, day: int) -> bool:
    """Note a use with the counter that the device told. False where the counter did not grow meanwhile, or
    the passkey was revoked: of two uses with one counter only the first counts."""
    grew = or_(passkey.c.uses < uses, (passkey.c.uses == 0) & (uses == 0))
    done = await connection.execute(
        update(passkey)
        .where(passkey.c.number == number, passkey.c.revoked_at == 0.0, grew)
        .values(uses=uses, used_day=day)
    )
    return done.rowcount == 1


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(**row._mapping)
