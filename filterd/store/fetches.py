"""Statements about the last attempt to fetch each feed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.records import FeedFetch
from filterd.store.feed_tables import feed_fetch


async def every(connection: AsyncConnection) -> dict[str, FeedFetch]:
    """The last attempt of every feed that was ever fetched, by feed."""
    rows = await connection.execute(select(feed_fetch))
    return {row.feed: _fetch(row) for row in rows}


async def record(connection: AsyncConnection, done: Sequence[FeedFetch]) -> None:
    """Replace the last attempt of these feeds. One that failed keeps the server that gave the list last, and
    since when there is none."""
    before = await every(connection)
    for each in done:
        known = before.get(each.feed)
        served = each if each.served_at or known is None else known
        since = known.gone_since if known is not None and each.gone_since else 0.0
        await connection.execute(delete(feed_fetch).where(feed_fetch.c.feed == each.feed))
        await connection.execute(
            insert(feed_fetch).values(
                feed=each.feed,
                tried_at=each.tried_at,
                served_by=served.served_by,
                served_at=served.served_at,
                modified=served.modified,
                failures=json.dumps(each.failures),
                gone_since=since or each.gone_since,
            )
        )


def _fetch(row: Any) -> FeedFetch:
    return FeedFetch(
        feed=row.feed,
        tried_at=row.tried_at,
        served_by=row.served_by,
        served_at=row.served_at,
        modified=row.modified,
        failures=tuple(json.loads(row.failures)),
        gone_since=row.gone_since,
    )
