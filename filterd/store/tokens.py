"""Statements about tokens of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.token import Permission, Token, TokenRole
from filterd.store.errors import StoreDamagedError
from filterd.store.lookups import Lookup, Lookups
from filterd.store.tables import token

_TEXTS = ("scopes", "networks")
_OF_DIGEST = Lookup(select(token).where(token.c.digest == bindparam("digest")))


async def add(connection: AsyncConnection, made: Token, digest: str) -> None:
    """Add a token under the digest of its secret."""
    values = asdict(made) | {name: json.dumps(getattr(made, name)) for name in _TEXTS}
    await connection.execute(insert(token).values(values | {"role": made.role.value, "digest": digest}))


def of_digest(lookups: Lookups, digest: str) -> Token | None:
    """The token whose secret has this digest, whether it still holds or not."""
    row = lookups.row(_OF_DIGEST, digest=digest)
    return None if row is None else _read(tuple(row.items()))


async def find(connection: AsyncConnection, number: int) -> Token | None:
    """The token with this number."""
    row = (await connection.execute(select(token).where(token.c.number == number))).one_or_none()
    return None if row is None else _token(dict(row._mapping))


async def all_tokens(connection: AsyncConnection) -> list[Token]:
    """Every token by number, those among them that hold no longer."""
    rows = await connection.execute(select(token).order_by(token.c.number))
    return [_token(dict(row._mapping)) for row in rows]


async def revoke(connection: AsyncConnection, number: int, actor: str, at: float) -> None:
    """Note that somebody revoked a token."""
    await connection.execute(
        update(token).where(token.c.number == number).values(revoked_by=actor, revoked_at=at)
    )


async def note_use(connection: AsyncConnection, number: int, day: int) -> None:
    """Note the day on which a token was used."""
    await connection.execute(update(token).where(token.c.number == number).values(used_day=day))


@lru_cache(maxsize=64)
def _read(row: tuple[tuple[str, Any], ...]) -> Token:
    """The token of a row, which is read anew for each request: what is kept is what the row says."""
    return _token(dict(row))


def _token(row: Mapping[str, Any]) -> Token:
    values = dict(row)
    del values["digest"]
    try:
        values["role"] = TokenRole(row["role"])
        values["system"] = bool(row["system"])
        values["scopes"] = tuple(Permission(each) for each in json.loads(row["scopes"]))
        values["networks"] = tuple(json.loads(row["networks"]))
    except ValueError:
        message = f"the record of the token T-{row['number']} is damaged"
        raise StoreDamagedError(message) from None
    return Token(**values)
