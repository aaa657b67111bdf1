"""Statements about requests of the API that came with an idempotency key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.tables import answered_request

_key = answered_request.c.key


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """A request that came before. ``status`` 0: it is at work since ``at``, in Unix seconds."""

    digest: str
    status: int
    subject: str
    at: float


async def find(connection: AsyncConnection, key: str) -> AnsweredRequest | None:
    """The request under this key."""
    query = select(*(answered_request.c[name] for name in ("digest", "status", "subject", "at")))
    row = (await connection.execute(query.where(_key == key))).one_or_none()
    return None if row is None else AnsweredRequest(*row)


async def begin(connection: AsyncConnection, key: str, digest: str, at: float) -> None:
    """Note that a request is at work."""
    values = {"key": key, "digest": digest, "status": 0, "subject": "", "at": at}
    await connection.execute(insert(answered_request).values(values))


async def answer(connection: AsyncConnection, key: str, status: int, subject: str) -> None:
    """Note how a request was answered."""
    await connection.execute(
        update(answered_request).where(_key == key).values(status=status, subject=subject)
    )


async def forget(connection: AsyncConnection, key: str) -> None:
    """Take a request back."""
    await connection.execute(delete(answered_request).where(_key == key))


async def prune(connection: AsyncConnection, before: float) -> None:
    """Forget all that came before a time."""
    await connection.execute(delete(answered_request).where(answered_request.c.at < before))
