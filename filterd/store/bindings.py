"""Statements about static bindings to lines, and how often a line's bindings change.

A binding is known by the canonical text of what it binds (``model.bound``); ``prefix`` is the column's name
from the time when that was always a prefix.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.beginnings import begins_with
from filterd.store.prepared import PreparedQuery
from filterd.store.tables import binding, binding_pace, subscriber

_TEXTS_AT_ONCE = 10_000
"""of one query: SQLite bounds the number of its values"""
_ADDRESSES_AT_ONCE = 100
"""ranges of one query: SQLite bounds the depth of an expression"""
_OWNERS = PreparedQuery(
    select(binding).where(
        binding.c.prefix.in_(select(func.json_each(bindparam("bounds")).table_valued("value").c.value))
    )
)
_BETWEEN = PreparedQuery(
    select(binding.c.prefix, binding.c.line).where(
        binding.c.prefix >= bindparam("first"), binding.c.prefix < bindparam("end")
    )
)


async def owners(connection: AsyncConnection, bounds: Sequence[str]) -> dict[str, int]:
    """The lines of those that are bound, by their text."""
    rows = await _OWNERS.rows(connection, {"bounds": json.dumps(list(bounds))})
    return {row.prefix: row.line for row in rows}


async def of_ports(connection: AsyncConnection, addresses: Iterable[str]) -> list[tuple[str, int]]:
    """The ranges of ports that are bound at IPv4 addresses, each with its line."""
    found: list[tuple[str, int]] = []
    wanted = list(addresses)
    if len(wanted) == 1:
        span = {"first": f"{wanted[0]}:", "end": f"{wanted[0]};"}
        return [(row.prefix, row.line) for row in await _BETWEEN.rows(connection, span)]
    for start in range(0, len(wanted), _ADDRESSES_AT_ONCE):
        some = wanted[start : start + _ADDRESSES_AT_ONCE]
        spans = [(binding.c.prefix >= f"{each}:") & (binding.c.prefix < f"{each};") for each in some]
        rows = await connection.execute(select(binding.c.prefix, binding.c.line).where(or_(*spans)))
        found += [(row.prefix, row.line) for row in rows]
    return found


async def beyond(
    connection: AsyncConnection, begins: str, texts: Iterable[str], spans: Iterable[tuple[str, str]]
) -> set[str]:
    """The bounds of lines whose subscriber's id does not begin so: of these texts, and of those from the
    first of a span to before its second."""
    prefix, named, ranged = binding.c.prefix, list(texts), list(spans)
    conditions: list[ColumnElement[bool]] = [
        prefix.in_(named[start : start + _TEXTS_AT_ONCE]) for start in range(0, len(named), _TEXTS_AT_ONCE)
    ]
    for start in range(0, len(ranged), _ADDRESSES_AT_ONCE):
        some = ranged[start : start + _ADDRESSES_AT_ONCE]
        conditions.append(or_(*((prefix >= first) & (prefix < end) for first, end in some)))
    query = select(prefix).join_from(binding, subscriber).where(~begins_with(subscriber.c.id, begins))
    found: set[str] = set()
    for condition in conditions:
        found |= set((await connection.execute(query.where(condition))).scalars())
    return found


async def with_ports(connection: AsyncConnection) -> list[str]:
    """The texts that may be ports of an IPv4 address, in their order; identities of such a form too."""
    found = select(binding.c.prefix).where(binding.c.prefix.like("%.%:%-%")).order_by(binding.c.prefix)
    return [row.prefix for row in await connection.execute(found)]


async def page(
    connection: AsyncConnection, *, after: str = "", limit: int = 1000
) -> list[tuple[str, int, str]]:
    """A page of bindings (text, line, subscriber), ordered by the text."""
    query = (
        select(binding.c.prefix, binding.c.line, subscriber.c.id)
        .join_from(binding, subscriber)
        .where(binding.c.prefix > after)
        .order_by(binding.c.prefix)
        .limit(limit)
    )
    return [(row.prefix, row.line, row.id) for row in await connection.execute(query)]


async def add(connection: AsyncConnection, bound: Iterable[tuple[str, int]]) -> None:
    """Add bindings; nothing of them may be bound already."""
    rows = [{"prefix": text, "line": line} for text, line in bound]
    if rows:
        await connection.execute(insert(binding), rows)


async def remove(connection: AsyncConnection, bounds: Sequence[str]) -> None:
    """Remove these bindings."""
    await connection.execute(delete(binding).where(binding.c.prefix.in_(bounds)))


async def count_changes(
    connection: AsyncConnection, lines: Sequence[int], now: float, span: float
) -> dict[int, int]:
    """Count one more change of the bindings of each line; returns how many each has had since its span began.

    A span begins with the first change after the last one ended.
    """
    if not lines:
        return {}
    rows = await connection.execute(select(binding_pace).where(binding_pace.c.line.in_(lines)))
    begun = {row.line: (row.since, row.changes) for row in rows}
    counted = {}
    for line in lines:
        since, changes = begun.get(line, (now, 0))
        counted[line] = (since, changes + 1) if 0 <= now - since < span else (now, 1)
    new = [{"line": line, "since": now, "changes": 1} for line in lines if line not in begun]
    if new:
        await connection.execute(insert(binding_pace), new)
    old = [{"of": line, "begun": counted[line][0], "number": counted[line][1]} for line in begun]
    if old:
        row = update(binding_pace).where(binding_pace.c.line == bindparam("of"))
        values = row.values(since=bindparam("begun"), changes=bindparam("number"))
        await connection.execute(values, old)
    return {line: changes for line, (_, changes) in counted.items()}


async def changing(connection: AsyncConnection, since: float, more_than: int) -> int:
    """The number of lines whose bindings changed more often than that, in a span begun after ``since``."""
    query = select(func.count()).where(binding_pace.c.since > since, binding_pace.c.changes > more_than)
    return int((await connection.execute(query)).scalar_one())
