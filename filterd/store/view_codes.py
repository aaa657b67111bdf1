"""Statements about the codes by which a holder lets somebody see the own names of a line."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.tables import view_code

_line = view_code.c.line


@dataclass(frozen=True, slots=True)
class ViewCode:
    """The code of a line, as it is stored."""

    line: int
    digest: str
    expires_at: float
    """Unix seconds"""
    tries: int
    """wrong ones that are left"""
    viewer: str = ""
    """the actor who used it first, and alone may use it again; empty: nobody yet"""


async def put(connection: AsyncConnection, code: ViewCode) -> None:
    """Store a code in the place of the one before."""
    await remove(connection, code.line)
    values = {name: getattr(code, name) for name in ("line", "digest", "expires_at", "tries", "viewer")}
    await connection.execute(insert(view_code).values(values))


async def find(connection: AsyncConnection, line: int) -> ViewCode | None:
    """The code of a line."""
    row = (await connection.execute(select(view_code).where(_line == line))).one_or_none()
    return None if row is None else ViewCode(*row)


async def count_try(connection: AsyncConnection, line: int, tries: int, viewer: str) -> None:
    """Note how often it may still be tried, and who uses it."""
    await connection.execute(update(view_code).where(_line == line).values(tries=tries, viewer=viewer))


async def remove(connection: AsyncConnection, line: int) -> None:
    """Delete the code of a line."""
    await connection.execute(delete(view_code).where(_line == line))
