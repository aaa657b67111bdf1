"""Statements about static bindings of prefixes to lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.tables import binding, subscriber


async def owners(connection: AsyncConnection, prefixes: Sequence[str]) -> dict[str, int]:
    """The lines of those prefixes that are bound, by prefix."""
    rows = await connection.execute(select(binding).where(binding.c.prefix.in_(prefixes)))
    return {row.prefix: row.line for row in rows}


async def page(
    connection: AsyncConnection, *, after: str = "", limit: int = 1000
) -> list[tuple[str, int, str]]:
    """A page of bindings (prefix, line, subscriber), ordered by the text of the prefix."""
    query = (
        select(binding.c.prefix, binding.c.line, subscriber.c.id)
        .join_from(binding, subscriber)
        .where(binding.c.prefix > after)
        .order_by(binding.c.prefix)
        .limit(limit)
    )
    return [(row.prefix, row.line, row.id) for row in await connection.execute(query)]


async def add(connection: AsyncConnection, bound: Iterable[tuple[str, int]]) -> None:
    """Add bindings; none of the prefixes may be bound already."""
    rows = [{"prefix": prefix, "line": line} for prefix, line in bound]
    if rows:
        await connection.execute(insert(binding), rows)


async def remove(connection: AsyncConnection, prefixes: Sequence[str]) -> None:
    """Remove the bindings of these prefixes."""
    await connection.execute(delete(binding).where(binding.c.prefix.in_(prefixes)))
