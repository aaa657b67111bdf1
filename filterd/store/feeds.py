"""Statements about the versions of feeds, and about the last check of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.records import AdoptionState, FeedCheck, FeedVersion, HeldFeed, VersionState
from filterd.store.change_log import decisions, newest_decisions, newest_sequences
from filterd.store.feed_tables import feed_check, feed_version, held_feed

TAKEN, HELD = "feed.update", "feed.hold"
"""the actions whose audit entry says which version of a feed is the current one"""
ENDED = "feed.retire"
"""the action that leaves a feed without a current version, once its audit entry says that it is retired"""


async def current(connection: AsyncConnection) -> dict[str, FeedVersion]:
    """The current version of every feed that has one, by feed."""
    query = select(feed_version).where(feed_version.c.state == VersionState.CURRENT.value)
    return {
        row.feed: _version(row) for row in await connection.execute(query.order_by(feed_version.c.version))
    }


async def recorded(connection: AsyncConnection, *, before: float | None = None) -> dict[str, dict[str, Any]]:
    """The audit trail's word on the current version of every feed: ``version``, ``digest``, ``names``; or on
    that of a moment, as what was decided ``before`` it left it."""
    return await newest_decisions(connection, "feed", (TAKEN, HELD), before=before)


async def ended(connection: AsyncConnection) -> frozenset[str]:
    """The feeds that were retired after their last reading, by the trail, whatever became of them since: one
    that was enabled or adopted again begins anew, and has no version until it is read."""
    read = await newest_sequences(connection, "feed", (TAKEN, HELD))
    return frozenset(
        feed
        for feed, sequence, told in await decisions(connection, "feed", ENDED)
        if told.get("state") == AdoptionState.RETIRED and sequence > read.get(feed, 0)
    )


def fault_of(version: FeedVersion | None, told: Mapping[str, Any] | None) -> str:
    """The fault in the row of a feed's current version, by what :func:`recorded` tells; empty where there is
    none, or the feed was never read."""
    if version is None:
        return "" if told is None else "the row of its current version is gone"
    if told is None:
        return "no decision on it is on record"
    row = (version.version, version.digest, version.names)
    if row != (told.get("version"), told.get("digest"), told.get("names")):
        return f"the row of version {version.version} is not what was read"
    return ""


def audited(version: FeedVersion) -> dict[str, Any]:
    """The version as the audit trail shows it; :func:`fault_of` compares with it."""
    return {"version": version.version, "digest": version.digest, "names": version.names}


async def versions(connection: AsyncConnection, feed: str, limit: int = 20) -> list[FeedVersion]:
    """The newest versions of a feed, newest first."""
    query = (
        select(feed_version)
        .where(feed_version.c.feed == feed)
        .order_by(feed_version.c.version.desc())
        .limit(limit)
    )
    return [_version(row) for row in await connection.execute(query)]


async def append(connection: AsyncConnection, version: FeedVersion, *, above: int = 0) -> FeedVersion:
    """Add a version under the feed's next number, and return it with that number. A restored store does not
    know all that were given out: the number is higher than ``above``.

    A current version supersedes the one before it.
    """
    newest = await connection.execute(
        select(func.max(feed_version.c.version)).where(feed_version.c.feed == version.feed)
    )
    numbered = replace(version, version=max(newest.scalar_one() or 0, above) + 1)
    if version.state is VersionState.CURRENT:
        await supersede(connection, version.feed)
    await connection.execute(
        insert(feed_version).values(
            feed=numbered.feed,
            version=numbered.version,
            state=numbered.state.value,
            digest=numbered.digest,
            source_digest=numbered.source_digest,
            names=numbered.names,
            skipped=numbered.skipped,
            at=numbered.at,
            note=numbered.note,
        )
    )
    return numbered


async def were_in_force(connection: AsyncConnection, feed: str, count: int) -> set[int]:
    """The newest ``count`` versions of a feed that were in force, the current one among them."""
    rows = await connection.execute(
        select(feed_version.c.version)
        .where(feed_version.c.feed == feed, feed_version.c.state != VersionState.QUARANTINED.value)
        .order_by(feed_version.c.version.desc())
        .limit(count)
    )
    return set(rows.scalars())


async def supersede(connection: AsyncConnection, feed: str) -> None:
    """Leave the feed without a current version."""
    await connection.execute(
        update(feed_version)
        .where(feed_version.c.feed == feed)
        .where(feed_version.c.state == VersionState.CURRENT.value)
        .values(state=VersionState.SUPERSEDED.value)
    )


async def make_current(connection: AsyncConnection, version: FeedVersion) -> None:
    """Let a version that was superseded be the current one again."""
    await supersede(connection, version.feed)
    await connection.execute(
        update(feed_version)
        .where(feed_version.c.feed == version.feed, feed_version.c.version == version.version)
        .values(state=VersionState.CURRENT.value)
    )


async def holds(connection: AsyncConnection) -> dict[str, HeldFeed]:
    """The feeds that are held, or are asked to be, by feed."""
    rows = await connection.execute(select(held_feed))
    return {
        row.feed: HeldFeed(
            row.feed, row.version, row.reason, row.asked_by, row.asked_at, row.held_by, row.held_at
        )
        for row in rows
    }


async def put_hold(connection: AsyncConnection, hold: HeldFeed) -> None:
    """Write a feed's hold in place of the one before."""
    await release(connection, hold.feed)
    await connection.execute(insert(held_feed).values(asdict(hold)))


async def release(connection: AsyncConnection, feed: str) -> None:
    """Forget a feed's hold."""
    await connection.execute(delete(held_feed).where(held_feed.c.feed == feed))


async def checks(connection: AsyncConnection) -> dict[str, FeedCheck]:
    """The last check of every feed, by feed."""
    rows = await connection.execute(select(feed_check))
    return {row.feed: FeedCheck(row.feed, row.checked_at, row.succeeded_at, row.error) for row in rows}


async def tried(connection: AsyncConnection) -> frozenset[str]:
    """The feeds that have a check or a version."""
    return frozenset((*await checks(connection), *await current(connection)))


async def record_checks(connection: AsyncConnection, done: Sequence[FeedCheck]) -> None:
    """Replace the last check of these feeds; a failed check keeps the time of the last success."""
    before = await checks(connection)
    for check in done:
        known = before.get(check.feed)
        succeeded = check.succeeded_at or (known.succeeded_at if known else 0.0)
        await connection.execute(delete(feed_check).where(feed_check.c.feed == check.feed))
        await connection.execute(
            insert(feed_check).values(
                feed=check.feed, checked_at=check.checked_at, succeeded_at=succeeded, error=check.error
            )
        )


def _version(row: Any) -> FeedVersion:
    return FeedVersion(
        feed=row.feed,
        version=row.version,
        state=VersionState(row.state),
        digest=row.digest,
        source_digest=row.source_digest,
        names=row.names,
        skipped=row.skipped,
        at=row.at,
        note=row.note,
    )


async def known(connection: AsyncConnection) -> list[str]:
    """Every feed that has ever had a version."""
    return list((await connection.execute(select(feed_version.c.feed).distinct())).scalars())


async def digest_of(connection: AsyncConnection, feed: str, version: str) -> str:
    """The digest of a version; empty if there is none of this number."""
    if not version.isdecimal():
        return ""
    at = (feed_version.c.feed == feed, feed_version.c.version == int(version))
    found: str | None = (await connection.execute(select(feed_version.c.digest).where(*at))).scalar()
    return found or ""
