"""Statements about the take-up of the service, day by day."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.tables import line_state, request
from filterd.store.take_up_tables import take_up_day


async def newest(connection: AsyncConnection, subject: str, before: str) -> str:
    """The newest day before another that has a count of a subject; empty: none has."""
    query = select(func.max(take_up_day.c.day)).where(
        take_up_day.c.subject == subject, take_up_day.c.day < before
    )
    return (await connection.execute(query)).scalar() or ""


async def is_there(connection: AsyncConnection, day: str) -> bool:
    """True if a day has counts."""
    query = select(func.count()).select_from(take_up_day).where(take_up_day.c.day == day)
    return bool((await connection.execute(query)).scalar_one())


async def put(connection: AsyncConnection, day: str, counts: Mapping[str, int]) -> None:
    """Write the counts of a day in place of those before."""
    await connection.execute(delete(take_up_day).where(take_up_day.c.day == day))
    values = [{"day": day, "subject": subject, "count": count} for subject, count in counts.items()]
    if values:
        await connection.execute(insert(take_up_day), values)


async def between(connection: AsyncConnection, first: str, until: str) -> list[tuple[str, str, int]]:
    """Day, subject and count of the days from one on to before another, in order."""
    query = select(take_up_day).where(take_up_day.c.day >= first, take_up_day.c.day < until)
    rows = await connection.execute(query.order_by(take_up_day.c.day, take_up_day.c.subject))
    return [(day, subject, int(count)) for day, subject, count in rows]


async def by_profile(connection: AsyncConnection) -> dict[str, int]:
    """The lines that have opted in now, by profile."""
    query = select(line_state.c.profile, func.count()).where(line_state.c.opted_in)
    rows = await connection.execute(query.group_by(line_state.c.profile).order_by(line_state.c.profile))
    return {profile: int(count) for profile, count in rows}


async def asked(connection: AsyncConnection, kinds: Collection[str], since: float, until: float) -> int:
    """The lines of which a request of one of these kinds was recorded from a time on to before another."""
    recorded = func.max(request.c.recorded_at, request.c.at)
    query = select(func.count(request.c.line.distinct())).where(
        request.c.kind.in_(kinds), recorded >= since, recorded < until
    )
    return int((await connection.execute(query)).scalar_one())
