"""Statements about ARCO requests."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.arco import ArcoKind, ArcoOutcome, ArcoRequest
from filterd.store.tables import arco_request as table


async def add(connection: AsyncConnection, new: ArcoRequest) -> None:
    """Add a request."""
    await connection.execute(insert(table).values(**asdict(new)))


async def put(connection: AsyncConnection, request: ArcoRequest) -> None:
    """Replace a request by its new state."""
    await connection.execute(update(table).where(table.c.number == request.number).values(**asdict(request)))


async def find(connection: AsyncConnection, number: int) -> ArcoRequest | None:
    """The request of this number."""
    found = await _read(connection, select(table).where(table.c.number == number))
    return found[0] if found else None


async def open_ones(connection: AsyncConnection) -> list[ArcoRequest]:
    """The requests that are not closed, by number."""
    return await _read(connection, select(table).where(table.c.closed_at == 0))


async def every(connection: AsyncConnection) -> list[ArcoRequest]:
    """All requests, by number."""
    return await _read(connection, select(table))


async def of_line(connection: AsyncConnection, line: int) -> list[ArcoRequest]:
    """The requests about a line, by number."""
    return await _read(connection, select(table).where(table.c.line == line))


async def _read(connection: AsyncConnection, query: Select[tuple[object, ...]]) -> list[ArcoRequest]:
    rows = (await connection.execute(query.order_by(table.c.number))).mappings()
    return [
        ArcoRequest(**{**row, "kind": ArcoKind(row["kind"]), "outcome": ArcoOutcome(row["outcome"])})
        for row in rows
    ]
