"""Statements about what is held back of feeds, about acceptances, and about the sizes of past versions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.records import FeedAcceptance, FeedHold, VersionState
from filterd.store.feed_tables import feed_acceptance, feed_hold, feed_version


async def every(connection: AsyncConnection) -> dict[str, FeedHold]:
    """All holds, by feed."""
    return {row.feed: _hold(row) for row in await connection.execute(select(feed_hold))}


async def find(connection: AsyncConnection, feed: str) -> FeedHold | None:
    """The hold of a feed."""
    row = (await connection.execute(select(feed_hold).where(feed_hold.c.feed == feed))).one_or_none()
    return None if row is None else _hold(row)


async def put(connection: AsyncConnection, hold: FeedHold) -> None:
    """Write a feed's hold in place of the one before."""
    await drop(connection, hold.feed)
    await connection.execute(insert(feed_hold).values(asdict(hold)))


async def drop(connection: AsyncConnection, feed: str) -> None:
    """Leave the feed without a hold."""
    await connection.execute(delete(feed_hold).where(feed_hold.c.feed == feed))


async def acceptance(connection: AsyncConnection, feed: str, digest: str) -> FeedAcceptance | None:
    """The acceptance of one hold, complete or waiting."""
    query = (
        select(feed_acceptance)
        .where(feed_acceptance.c.feed == feed)
        .where(feed_acceptance.c.digest == digest)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else FeedAcceptance(**row._mapping)


async def put_acceptance(connection: AsyncConnection, accepted: FeedAcceptance) -> None:
    """Write an acceptance in place of the one before of the same hold."""
    await connection.execute(
        delete(feed_acceptance)
        .where(feed_acceptance.c.feed == accepted.feed)
        .where(feed_acceptance.c.digest == accepted.digest)
    )
    await connection.execute(insert(feed_acceptance).values(asdict(accepted)))


async def most_names(connection: AsyncConnection, feed: str, since: float) -> int:
    """The most names that any version had that was in force at ``since`` or later. Versions before the last
    accepted one do not count: a person took the smaller one."""
    accepted = select(func.max(feed_acceptance.c.version)).where(feed_acceptance.c.feed == feed)
    floor = (await connection.execute(accepted)).scalar_one() or 0
    taken = (
        (feed_version.c.feed == feed)
        & (feed_version.c.state != VersionState.QUARANTINED.value)
        & (feed_version.c.version >= floor)
    )
    then = select(func.max(feed_version.c.version)).where(taken & (feed_version.c.at <= since))
    first = (await connection.execute(then)).scalar_one() or 0
    most = select(func.max(feed_version.c.names)).where(taken & (feed_version.c.version >= first))
    return int((await connection.execute(most)).scalar_one() or 0)


def _hold(row: Any) -> FeedHold:
    return FeedHold(**row._mapping)
