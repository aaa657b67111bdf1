"""Statements about what an export of the audit trail holds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import AuditEntry, StoredEntry
from filterd.model.lifting import Lifting
from filterd.model.order_rows import ROW_DIGEST
from filterd.model.order_sql import DECISIONS
from filterd.model.page_record import PageRecord
from filterd.store import change_log, liftings, pages
from filterd.store.errors import StoreDamagedError
from filterd.store.page_tables import page_record
from filterd.store.tables import audit, lifting
from filterd.store.trail_tables import anchor, checkpoint

T = TypeVar("T")
UNREADABLE = -1
"""the revision of an entry whose states are no JSON any more"""


async def entries(connection: AsyncConnection, *, after: int, limit: int) -> list[StoredEntry]:
    """A page of audit entries; one that cannot be read has the revision :data:`UNREADABLE`."""
    try:
        return await change_log.entries(connection, after=after, limit=limit)
    except ValueError:
        query = select(audit).where(audit.c.sequence > after).order_by(audit.c.sequence).limit(limit)
        return [_tolerant(row) for row in await connection.execute(query)]


def _tolerant(row: Any) -> StoredEntry:
    try:
        return change_log.stored(row)
    except ValueError:
        nothing = AuditEntry(UNREADABLE, 0.0, "", "", "", "", None, None)
        return StoredEntry(row.sequence, nothing, row.previous_hash, row.hash, row.salt)


async def bounds(
    connection: AsyncConnection, since: float | None, until: float | None, last: tuple[int, str]
) -> tuple[tuple[int, str], tuple[int, str]]:
    """The checkpoints (sequence and hash) between which the entries of a time lie: the last one before it, or
    the beginning of the trail; the first one behind it, or ``last``."""
    row, after = checkpoint.c, (0, "0" * 64)
    place = select(row.audit_sequence, row.audit_hash)
    if since is not None:
        found = await connection.execute(place.where(row.at <= since).order_by(row.number.desc()).limit(1))
        after = next(((each[0], each[1]) for each in found), after)
    if until is not None:
        found = await connection.execute(place.where(row.at >= until).order_by(row.number).limit(1))
        last = next(((each[0], each[1]) for each in found), last)
    return after, last


async def newest_anchor(connection: AsyncConnection) -> int:
    """The number of the newest row about an anchor; 0: there is none."""
    return int((await connection.execute(select(func.max(anchor.c.number)))).scalar_one() or 0)


async def liftings_made(connection: AsyncConnection) -> list[Lifting]:
    """Every exception and suspension that ever was, by number, but those whose row cannot be read."""
    return _readable(
        await connection.execute(select(lifting).order_by(lifting.c.number)), liftings.lifting_of
    )


async def page_records(connection: AsyncConnection) -> list[PageRecord]:
    """Every record of the public pages, by number, but those that cannot be read."""
    query = select(page_record).order_by(page_record.c.number)
    return _readable(await connection.execute(query), pages.record_of)


def _readable(rows: Iterable[Any], read: Callable[[Any], T]) -> list[T]:
    found = []
    for row in rows:
        with contextlib.suppress(StoreDamagedError):
            found.append(read(row))
    return found


async def told_digests(connection: AsyncConnection) -> dict[str, str]:
    """The digest of each order's row as the trail has it, by reference."""
    told = await change_log.newest_decisions(connection, "order", DECISIONS)
    return {reference: str(after.get(ROW_DIGEST, "")) for reference, after in told.items()}
