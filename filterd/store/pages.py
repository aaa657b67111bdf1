"""Statements about the records of the public pages."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.page_record import PageFile, PageRecord, Stamp
from filterd.store.errors import StoreDamagedError
from filterd.store.page_tables import page_content, page_record


async def newest(connection: AsyncConnection) -> PageRecord | None:
    """The newest record; None: there is none yet."""
    return await _one(connection, select(page_record).order_by(page_record.c.number.desc()).limit(1))


async def find(connection: AsyncConnection, number: int) -> PageRecord | None:
    """The record of this number."""
    return await _one(connection, select(page_record).where(page_record.c.number == number))


async def at(connection: AsyncConnection, moment: float) -> PageRecord | None:
    """The record that was the newest at a moment; None: there was none yet."""
    query = select(page_record).where(page_record.c.at <= moment).order_by(page_record.c.number.desc())
    return await _one(connection, query.limit(1))


async def last_exported(connection: AsyncConnection) -> PageRecord | None:
    """The record that was exported last; None: none ever was."""
    row = page_record.c
    query = select(page_record).where(row.exported_at > 0)
    return await _one(connection, query.order_by(row.exported_at.desc(), row.number.desc()).limit(1))


async def every(connection: AsyncConnection, limit: int) -> list[PageRecord]:
    """The newest records, the newest first."""
    query = select(page_record).order_by(page_record.c.number.desc()).limit(limit)
    return [record_of(row) for row in await connection.execute(query)]


async def newest_number(connection: AsyncConnection) -> int:
    """The number of the newest record; 0: there is none."""
    return int((await connection.execute(select(func.max(page_record.c.number)))).scalar_one() or 0)


async def add(connection: AsyncConnection, record: PageRecord, bodies: Mapping[str, bytes]) -> None:
    """Add a record. ``bodies``: by digest, those of the files that are new; what is there stays."""
    known = await _known(connection, bodies)
    rows = [
        {"digest": digest, "body": zlib.compress(body, 9)}
        for digest, body in sorted(bodies.items())
        if digest not in known
    ]
    if rows:
        await connection.execute(insert(page_content), rows)
    files = {path: [each.said, each.digest, each.since] for path, each in record.files.items()}
    stamp = record.stamp
    await connection.execute(
        insert(page_record).values(
            number=stamp.number,
            at=stamp.at,
            revision=stamp.revision,
            facts=record.facts,
            files=json.dumps(files, sort_keys=True, separators=(",", ":")),
            exported_at=record.exported_at,
        )
    )


async def note_export(connection: AsyncConnection, number: int, moment: float) -> None:
    """Note that a record was exported."""
    row = page_record.c
    await connection.execute(update(page_record).where(row.number == number).values(exported_at=moment))


async def bodies_of(connection: AsyncConnection, digests: Iterable[str]) -> dict[str, bytes]:
    """The bytes of files, by digest. Raises StoreDamagedError for one that is gone or another."""
    found = {}
    wanted = sorted(set(digests))
    row = page_content.c
    for each in await connection.execute(select(row.digest, row.body).where(row.digest.in_(wanted))):
        try:
            body = zlib.decompress(each.body)
        except zlib.error:
            continue
        if sha256(body).hexdigest() == each.digest:
            found[each.digest] = body
    if len(found) != len(wanted):
        message = "the record of the public pages is damaged: files of it are gone, or are others"
        raise StoreDamagedError(message)
    return found


async def _known(connection: AsyncConnection, digests: Iterable[str]) -> set[str]:
    row = page_content.c
    found = await connection.execute(select(row.digest).where(row.digest.in_(sorted(digests))))
    return set(found.scalars())


async def _one(connection: AsyncConnection, query: Any) -> PageRecord | None:
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else record_of(row)


def record_of(row: Any) -> PageRecord:
    """The record of a row. Raises StoreDamagedError."""
    try:
        files = {path: PageFile(*each) for path, each in json.loads(row.files).items()}
    except (ValueError, TypeError, AttributeError):
        message = f"the record {row.number} of the public pages cannot be read"
        raise StoreDamagedError(message) from None
    return PageRecord(Stamp(row.number, row.at, row.revision), row.facts, files, row.exported_at)
