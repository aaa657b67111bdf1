"""Statements about the PINs of lines, and the wrong ones that were tried."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.portal_tables import line_pin, pin_tries


@dataclass(frozen=True, slots=True)
class PinTries:
    """Wrong PINs in a row on a line. Times are Unix seconds."""

    failures: int = 0
    closed_until: float = 0.0
    """no other one is looked at before"""
    at: float = 0.0
    """the time of the last one"""


async def put(connection: AsyncConnection, line: int, hashed: str, at: float) -> None:
    """Store the hash of a line's PIN in the place of the one before."""
    await remove(connection, line)
    await connection.execute(insert(line_pin).values(line=line, hash=hashed, set_at=at))


async def find(connection: AsyncConnection, line: int) -> str:
    """The hash of a line's PIN; empty: it has none."""
    query = select(line_pin.c.hash).where(line_pin.c.line == line)
    return (await connection.execute(query)).scalar_one_or_none() or ""


async def number(connection: AsyncConnection) -> int:
    """The number of lines that have a PIN."""
    return (await connection.execute(select(func.count()).select_from(line_pin))).scalar_one()


async def remove(connection: AsyncConnection, line: int) -> bool:
    """Delete the PIN of a line. False: it had none."""
    return (await connection.execute(delete(line_pin).where(line_pin.c.line == line))).rowcount > 0


async def tries(connection: AsyncConnection, line: int) -> PinTries:
    """The wrong ones on a line since the last right one."""
    row = (await connection.execute(select(pin_tries).where(pin_tries.c.line == line))).one_or_none()
    return PinTries() if row is None else PinTries(row.failures, row.closed_until, row.at)


async def put_tries(connection: AsyncConnection, line: int, found: PinTries) -> None:
    """Note them in the place of those before."""
    await forget_tries(connection, line)
    values = {"failures": found.failures, "closed_until": found.closed_until, "at": found.at}
    await connection.execute(insert(pin_tries).values(line=line, **values))


async def forget_tries(connection: AsyncConnection, line: int) -> None:
    """A right one was given, or the PIN is another."""
    await connection.execute(delete(pin_tries).where(pin_tries.c.line == line))
