"""Statements about the roster of duty: shifts, and how to reach people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.duty import ContactKind, DutyContact, Shift
from filterd.store.duty_tables import duty_contact as contact
from filterd.store.duty_tables import duty_shift as shift


async def contacts(connection: AsyncConnection) -> list[DutyContact]:
    """Everybody, officers first."""
    rows = await connection.execute(select(contact).order_by(contact.c.kind.desc(), contact.c.id))
    return [_contact(row) for row in rows]


async def find_contact(connection: AsyncConnection, name: str) -> DutyContact | None:
    """The contact with this id."""
    row = (await connection.execute(select(contact).where(contact.c.id == name))).one_or_none()
    return None if row is None else _contact(row)


async def put_contact(connection: AsyncConnection, changed: DutyContact) -> None:
    """Write a contact in place of the one before."""
    await drop_contact(connection, changed.id)
    await connection.execute(insert(contact).values({**asdict(changed), "kind": changed.kind.value}))


async def drop_contact(connection: AsyncConnection, name: str) -> None:
    """Forget a contact."""
    await connection.execute(delete(contact).where(contact.c.id == name))


def _contact(row: Any) -> DutyContact:
    return DutyContact(**{**row._mapping, "kind": ContactKind(row.kind)})


async def shifts(connection: AsyncConnection, ending_after: float = 0.0) -> list[Shift]:
    """The shifts that end after a moment, by their beginnings."""
    query = select(shift).where(shift.c.ends_at > ending_after).order_by(shift.c.begins_at, shift.c.number)
    return [Shift(**row._mapping) for row in await connection.execute(query)]


async def add_shift(connection: AsyncConnection, new: Shift) -> Shift:
    """Add a shift, which gets the next number."""
    newest = (await connection.execute(select(func.max(shift.c.number)))).scalar_one() or 0
    made = replace(new, number=newest + 1)
    await connection.execute(insert(shift).values(asdict(made)))
    return made


async def drop_shifts(connection: AsyncConnection, numbers: Collection[int]) -> int:
    """Take shifts off the roster; how many went."""
    return int((await connection.execute(delete(shift).where(shift.c.number.in_(numbers)))).rowcount)


async def tell_shifts(
    connection: AsyncConnection, numbers: Collection[int], at: float, reference: str
) -> None:
    """Note that the authority was told of the changes of officer with which these shifts begin."""
    values = {"told_at": at, "told_reference": reference}
    await connection.execute(update(shift).where(shift.c.number.in_(numbers)).values(values))
