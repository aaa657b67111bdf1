"""Statements about what followed from upheld reviews."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.review_effect import EffectOfReview, ReviewEffect
from filterd.store.duty_tables import review_effect as table


async def add(connection: AsyncConnection, new: ReviewEffect) -> None:
    """Add an effect."""
    await connection.execute(insert(table).values({**asdict(new), "kind": new.kind.value}))


async def of_reviews(
    connection: AsyncConnection, numbers: Collection[int] | None = None
) -> list[ReviewEffect]:
    """The effects of these reviews, or of all, by review and number."""
    query = select(table).order_by(table.c.review, table.c.number)
    if numbers is not None:
        query = query.where(table.c.review.in_(numbers))
    return [_effect(row) for row in await connection.execute(query)]


async def open_ones(connection: AsyncConnection) -> list[ReviewEffect]:
    """The effects that some node lacks."""
    query = select(table).where(table.c.effective_at == 0).order_by(table.c.review, table.c.number)
    return [_effect(row) for row in await connection.execute(query)]


async def settle(connection: AsyncConnection, effect: ReviewEffect, at: float) -> None:
    """Note when every node had it."""
    one = (table.c.review == effect.review, table.c.number == effect.number, table.c.effective_at == 0)
    await connection.execute(update(table).where(*one).values(effective_at=at))


def _effect(row: Any) -> ReviewEffect:
    return ReviewEffect(**{**row._mapping, "kind": EffectOfReview(row.kind)})
