"""Statements about the dates that a register gave of each of its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.register_tables import register_date

SLACK = 60
"""seconds by which a clock may go back without a removal being taken back: its time comes again soon"""
_CHUNK = 5_000
"""rows in one statement"""


@dataclass(frozen=True, slots=True)
class EntryDate:
    """The dates of a name. Unix seconds, 0 for none."""

    said_at: float = 0.0
    """the newest entry or removal that a document told"""
    opens_at: float = 0.0
    """a removal that was told before its time; negative once its name was unblocked by it. The clock may have
    been ahead then: it is still to come"""

    def known_at(self, now: float) -> float:
        """The newest date that is not after ``now``: what a clock that was ahead made of others is none."""
        return max((each for each in (self.said_at, -self.opens_at) if 0 < each <= now), default=0.0)


async def dates(connection: AsyncConnection, register: str) -> dict[str, EntryDate]:
    """The dates of every name of a register that has any."""
    query = select(register_date).where(register_date.c.register == register)
    return {row.value: EntryDate(row.said_at, row.opens_at) for row in await connection.execute(query)}


async def openings(connection: AsyncConnection, register: str, now: float) -> dict[str, float]:
    """The names of a register with a removal that was told before its time, and that time: those whose time
    has come, and those that were unblocked by a clock that was ahead of it."""
    at = register_date.c.opens_at
    query = select(register_date).where(register_date.c.register == register)
    query = query.where(((at > 0) & (at <= now)) | (at < -(now + SLACK)))
    return {row.value: abs(row.opens_at) for row in await connection.execute(query)}


async def put_dates(connection: AsyncConnection, register: str, changed: Mapping[str, EntryDate]) -> None:
    """Put the dates of these names in the place of those before."""
    values = [
        {"register": register, "value": name, "said_at": each.said_at, "opens_at": each.opens_at}
        for name, each in changed.items()
    ]
    statement = insert(register_date)
    told = {"said_at": statement.excluded.said_at, "opens_at": statement.excluded.opens_at}
    put = statement.on_conflict_do_update(index_elements=["register", "value"], set_=told)
    for start in range(0, len(values), _CHUNK):
        await connection.execute(put, values[start : start + _CHUNK])
