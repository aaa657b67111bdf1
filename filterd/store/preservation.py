"""Statements about preservation holds, and the conditions by which deletions leave out what is held.

The moment counts, not a job: a hold whose time is over holds nothing, whoever looks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.preservation import LONGEST, PreservationHold
from filterd.store.preservation_tables import preservation_hold as hold
from filterd.store.preservation_tables import preservation_hold_line as held_line
from filterd.store.tables import audit


async def add(connection: AsyncConnection, made: PreservationHold) -> None:
    """Add a hold with its lines."""
    row = asdict(made) | {"classes": f",{','.join(made.classes)},"}
    del row["lines"]
    await connection.execute(insert(hold).values(row))
    if made.lines:
        rows = [{"hold": made.number, "line": line} for line in made.lines]
        await connection.execute(insert(held_line), rows)


async def end(connection: AsyncConnection, ended: PreservationHold) -> None:
    """Note that somebody ended a hold before its time."""
    values = {"ended_by": ended.ended_by, "ended_at": ended.ended_at, "end_reason": ended.end_reason}
    await connection.execute(update(hold).where(hold.c.number == ended.number).values(values))


async def find(connection: AsyncConnection, number: int) -> PreservationHold | None:
    """The hold with this number; None: there is none."""
    row = (await connection.execute(select(hold).where(hold.c.number == number))).one_or_none()
    return None if row is None else (await _whole(connection, [row]))[0]


async def every(connection: AsyncConnection) -> list[PreservationHold]:
    """All holds, the newest first."""
    rows = (await connection.execute(select(hold).order_by(hold.c.number.desc()))).all()
    return await _whole(connection, rows)


async def in_force(connection: AsyncConnection, now: float) -> list[PreservationHold]:
    """The holds in force at a time (Unix seconds), the one that ends first in front."""
    query = select(hold).where(_active(now)).order_by(hold.c.until, hold.c.number)
    return await _whole(connection, (await connection.execute(query)).all())


async def forget_line(connection: AsyncConnection, line: int) -> None:
    """Forget that holds were limited to this line, among others."""
    await connection.execute(delete(held_line).where(held_line.c.line == line))


def held(
    name: str, now: float, line: ColumnElement[int] | None = None, table: Table | None = None
) -> ColumnElement[bool]:
    """The condition that a row of the class ``name`` is held at ``now``. ``line``: that of the row, which is
    one of ``table``; None: the class belongs to no line, and only a hold that is not limited to lines holds
    it."""
    named = hold.c.classes.contains(f",{name},", autoescape=True)
    whole = hold.c.line_count == 0
    found = select(hold.c.number).where(_active(now), named)
    if line is None or table is None:
        return found.where(whole).correlate(None).exists()
    of_line = select(held_line.c.line).where(held_line.c.hold == hold.c.number, held_line.c.line == line)
    return found.where(or_(whole, of_line.correlate(hold, table).exists())).correlate(table).exists()


async def is_held(connection: AsyncConnection, name: str, now: float) -> bool:
    """True where a class that belongs to no line is held."""
    return bool((await connection.execute(select(held(name, now)))).scalar_one())


async def count(connection: AsyncConnection, now: float) -> int:
    """The number of holds in force."""
    query = select(func.count()).select_from(hold).where(_active(now))
    return int((await connection.execute(query)).scalar_one())


async def told(connection: AsyncConnection) -> dict[int, dict[str, Any]]:
    """The newest entry of the audit trail on each hold, by number."""
    subject = audit.c.subject
    query = select(subject, audit.c.after).where(subject >= "hold:", subject < "hold;")
    rows = await connection.execute(query.order_by(audit.c.sequence))
    return {int(row.subject[5:]): json.loads(row.after or "{}") for row in rows}


def _active(now: float) -> ColumnElement[bool]:
    """In force, as :meth:`PreservationHold.holds` says."""
    sound: ColumnElement[bool] = hold.c.until - hold.c.made_at <= LONGEST
    return (hold.c.ended_at == 0) & (hold.c.until > now) & sound


async def _whole(connection: AsyncConnection, rows: Sequence[Any]) -> list[PreservationHold]:
    numbers = [row.number for row in rows]
    query = select(held_line).where(held_line.c.hold.in_(numbers)).order_by(held_line.c.line)
    lines: dict[int, list[int]] = {}
    for each in await connection.execute(query):
        lines.setdefault(each.hold, []).append(each.line)
    return [_hold(row, tuple(lines.get(row.number, ()))) for row in rows]


def _hold(row: Any, lines: tuple[int, ...]) -> PreservationHold:
    values = dict(row._mapping)
    classes = tuple(each for each in values.pop("classes").split(",") if each)
    return PreservationHold(classes=classes, lines=lines, **values)
