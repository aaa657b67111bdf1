"""Statements about the meanings of profiles, and the lines that have accepted one early."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.profile_meaning import Meaning, Meanings, by_profile
from filterd.store.errors import StoreDamagedError
from filterd.store.notice_tables import profile_meaning
from filterd.store.tables import line_state, subscriber


async def known(connection: AsyncConnection) -> dict[str, Meanings]:
    """The meanings of every profile."""
    return by_profile(_meaning(row) for row in await connection.execute(select(profile_meaning)))


async def add(connection: AsyncConnection, meaning: Meaning) -> None:
    """Add a meaning."""
    await connection.execute(insert(profile_meaning).values(_values(meaning)))


async def save(connection: AsyncConnection, meaning: Meaning) -> None:
    """Replace a meaning."""
    row = profile_meaning.c
    these = (row.profile == meaning.profile) & (row.number == meaning.number)
    await connection.execute(update(profile_meaning).where(these).values(_values(meaning)))


async def in_use(connection: AsyncConnection) -> list[tuple[str, int]]:
    """Profile and number of each meaning that lines have accepted."""
    row = line_state.c
    query = select(row.profile, row.meaning).where(row.opted_in, row.meaning > 0).distinct()
    return sorted((each.profile, each.meaning) for each in await connection.execute(query))


async def has_lines(connection: AsyncConnection, profile: str) -> int:
    """The number of lines that have a profile."""
    row = line_state.c
    query = select(func.count()).where(row.opted_in, row.profile == profile)
    return int((await connection.execute(query)).scalar_one())


async def to_tell(connection: AsyncConnection, meaning: Meaning, limit: int) -> list[tuple[int, str]]:
    """Line and zone of the next lines that have the profile and have not accepted this meaning."""
    row = line_state.c
    query = (
        select(row.line, row.zone)
        .where(row.opted_in, row.profile == meaning.profile, row.meaning < meaning.number)
        .where(row.line > meaning.told_to)
        .order_by(row.line)
        .limit(limit)
    )
    return [(each.line, each.zone) for each in await connection.execute(query)]


async def early(connection: AsyncConnection, meaning: Meaning, limit: int) -> list[str]:
    """The ids of subscribers whose line accepted this meaning, or an earlier one, before it took effect."""
    row = line_state.c
    query = select(subscriber.c.id).join(line_state)
    query = query.where(row.profile == meaning.profile, row.meaning.between(1, meaning.number))
    return list((await connection.execute(query.order_by(row.line).limit(limit))).scalars())


def _values(meaning: Meaning) -> dict[str, Any]:
    return {
        "profile": meaning.profile,
        "number": meaning.number,
        "rules": json.dumps(meaning.rules, sort_keys=True, separators=(",", ":")),
        "noted_at": meaning.noted_at,
        "takes_effect_at": meaning.takes_effect_at,
        "told_to": meaning.told_to,
        "hasten_by": meaning.hasten_by,
        "hasten_reason": meaning.hasten_reason,
    }


def _meaning(row: Any) -> Meaning:
    try:
        rules = json.loads(row.rules)
    except ValueError:
        message = f"the meaning {row.number} of the profile {row.profile} cannot be read"
        raise StoreDamagedError(message) from None
    return Meaning(
        row.profile,
        row.number,
        rules,
        row.noted_at,
        row.takes_effect_at,
        row.told_to,
        row.hasten_by,
        row.hasten_reason,
    )
