"""Statements (of SQL) about the daily public statements."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.tables import audit
from filterd.store.trail_tables import statement

PUBLISHED = "statement.publish"
"""the action of the trail"""


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A signed public statement."""

    day: str
    """ISO date, in the zone of the installation"""
    at: float
    """when it was signed, Unix seconds"""
    checkpoint: int
    """the newest one then"""
    digest: str
    """SHA-256 of the text"""
    text: str
    """the signed canonical JSON"""


async def add(connection: AsyncConnection, row: StatementRow) -> None:
    """Add the statement of a day."""
    await connection.execute(
        insert(statement).values(
            day=row.day, at=row.at, checkpoint=row.checkpoint, digest=row.digest, text=row.text
        )
    )


async def find(connection: AsyncConnection, day: str) -> StatementRow | None:
    """The statement of a day; None: there is none."""
    return _row((await connection.execute(select(statement).where(statement.c.day == day))).first())


async def newest(connection: AsyncConnection, today: str) -> StatementRow | None:
    """The newest statement up to this day, else that of a day to come, which a clock that was ahead signed;
    None: there is none yet."""
    query = select(statement).order_by(statement.c.day > today, statement.c.day.desc()).limit(1)
    return _row((await connection.execute(query)).first())


async def days(connection: AsyncConnection, limit: int) -> list[str]:
    """The newest days that have a statement, the newest first."""
    query = select(statement.c.day).order_by(statement.c.day.desc()).limit(limit)
    return list((await connection.execute(query)).scalars())


async def page(connection: AsyncConnection, *, after: str = "", limit: int = 1_000) -> list[StatementRow]:
    """The statements of the days after one, in their order."""
    query = select(statement).where(statement.c.day > after).order_by(statement.c.day).limit(limit)
    return [found for row in await connection.execute(query) if (found := _row(row)) is not None]


async def published(connection: AsyncConnection, after: str, until: str = "") -> dict[str, set[str]]:
    """The digests of the statements that the trail tells of, by day: of the days after one, up to ``until``;
    empty: of all later ones. A digest that cannot be read is empty."""
    last = f"statement:{until}" if until else "statement;"
    query = select(audit.c.subject, audit.c.after).where(
        *(audit.c.subject > f"statement:{after}", audit.c.subject <= last, audit.c.action == PUBLISHED)
    )
    found: dict[str, set[str]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.subject.partition(":")[2], set()).add(_digest(row.after))
    return found


def _digest(after: str | None) -> str:
    try:
        return str(json.loads(after or "{}")["digest"])
    except (ValueError, TypeError, KeyError):
        return ""


def _row(row: Any) -> StatementRow | None:
    return None if row is None else StatementRow(row.day, row.at, row.checkpoint, row.digest, row.text)
