"""Statements about adopted feeds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.records import AdoptedFeed, AdoptionState
from filterd.store.change_log import newest_decisions
from filterd.store.errors import StoreDamagedError
from filterd.store.feed_tables import adopted_feed

DECISIONS = ("feed.adopt", "feed.enable", "feed.change", "feed.retire")
"""the actions whose audit entry says what a feed's adoption is"""


async def every(connection: AsyncConnection) -> dict[str, AdoptedFeed]:
    """All feeds that were ever adopted, by feed, in the order of their ids; the retired ones among them."""
    rows = await connection.execute(select(adopted_feed).order_by(adopted_feed.c.feed))
    return {row.feed: adopted_of(row) for row in rows}


async def recorded(connection: AsyncConnection) -> dict[str, dict[str, Any]]:
    """The audit trail's word on every adoption, by feed, as the last decision on it left it."""
    return await newest_decisions(connection, "feed", DECISIONS)


async def find(connection: AsyncConnection, feed: str) -> AdoptedFeed | None:
    """The adoption of this feed; None: it never was in force."""
    query = select(adopted_feed).where(adopted_feed.c.feed == feed)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else adopted_of(row)


async def put(connection: AsyncConnection, adopted: AdoptedFeed) -> None:
    """Write a feed's adoption in place of the one before."""
    await connection.execute(delete(adopted_feed).where(adopted_feed.c.feed == adopted.feed))
    await connection.execute(insert(adopted_feed).values(asdict(adopted) | {"state": adopted.state.value}))


def adopted_of(row: Any) -> AdoptedFeed:
    """The adoption of a row. Raises StoreDamagedError."""
    if row.state not in {state.value for state in AdoptionState}:
        message = f"the record of the feed {row.feed[:64]!r} is damaged"
        raise StoreDamagedError(message)
    return AdoptedFeed(
        feed=row.feed,
        definition=row.definition,
        state=AdoptionState(row.state),
        adopted_by=row.adopted_by,
        adopted_at=row.adopted_at,
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        retired_by=row.retired_by,
        retired_at=row.retired_at,
    )
