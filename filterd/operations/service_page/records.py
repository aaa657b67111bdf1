"""Keeps what the public pages said, so that those of any day can be written again, byte for byte.

A record is made when a page says something else than the newest record has, and a page keeps the stamp of
the record since which it says what it says: bytes change only with what they say (decision 0319).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from filterd.model.page_record import UNSTAMPED, PageFile, PageRecord, Stamp
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError
from filterd.operations.service_page.facts import FACTS_FILE, ServiceFacts
from filterd.operations.service_page.gathering import service_facts
from filterd.store import pages as rows
from filterd.store.store import Write

Renderer = Callable[[ServiceFacts, Stamp], Mapping[str, bytes]]
"""makes the files of the pages, by path"""
SHOWN = 200
"""records that a list shows"""


@dataclass(frozen=True, slots=True)
class RecordedPages:
    """A record with the bytes of its files, by path."""

    record: PageRecord
    files: Mapping[str, bytes]
    made: bool = False
    """True if the record was made now: something had changed"""


async def publish(context: Context, render: Renderer, *, exported: bool = False) -> RecordedPages:
    """The pages as they are now: those of the newest record where they say the same, else a new record.

    ``exported``: the caller gets them for another server, which the record and the audit trail then say. Who
    writes files first notes it with :func:`note_export`, when they are there.
    """
    while True:
        revision = (await context.store.head()).revision
        facts = await service_facts(context)
        async with context.store.read() as connection:
            newest = await rows.newest(connection)
        made = await asyncio.to_thread(_drafted, newest, facts, render, (context.clock(), revision))
        record = made.record
        if not (made.made or exported):
            break
        async with context.store.write(context.actor, context.clock()) as write:
            if await rows.newest_number(write.connection) != (0 if newest is None else newest.stamp.number):
                continue  # somebody else made a record meanwhile
            record = await _written(write, made, exported=exported)
        break
    return RecordedPages(record, await _bodies(context, record), made.made)


async def _written(write: Write, made: RecordedPages, *, exported: bool) -> PageRecord:
    record = made.record
    if made.made:
        bodies = {record.files[path].digest: body for path, body in made.files.items()}
        await rows.add(write.connection, record, bodies)
        after = {"digest": record.digest, "facts": record.facts, "changed": sorted(made.files)}
        write.audit("page.record", _subject(record), after=after)
    return await _exported(write, record) if exported else record


async def note_export(context: Context, found: RecordedPages) -> RecordedPages:
    """Note that the files of a record were written out."""
    async with context.store.write(context.actor, context.clock()) as write:
        return replace(found, record=await _exported(write, found.record))


async def _exported(write: Write, record: PageRecord) -> PageRecord:
    await rows.note_export(write.connection, record.stamp.number, write.now)
    write.audit("page.export", _subject(record), after={"digest": record.digest})
    return replace(record, exported_at=write.now)


def _drafted(
    before: PageRecord | None, facts: ServiceFacts, render: Renderer, now: tuple[float, int]
) -> RecordedPages:
    """The record for these facts, with the files that it does not share with the one before. ``now``: the
    time, and the revision of the store."""
    said = {path: _digest(body) for path, body in render(facts, UNSTAMPED).items()}
    if before is not None and not _differs(before, facts, said):
        return RecordedPages(before, {})
    stamp = Stamp(1 if before is None else before.stamp.number + 1, *now)
    old = {} if before is None else before.files
    kept = {path: file for path, file in old.items() if said.get(path) == file.said and path != FACTS_FILE}
    rendered = {path: body for path, body in render(facts, stamp).items() if path not in kept}
    new = {path: PageFile(said[path], _digest(body), stamp.number) for path, body in rendered.items()}
    return RecordedPages(PageRecord(stamp, facts.digest, {**kept, **new}), rendered, made=True)


def _differs(record: PageRecord, facts: ServiceFacts, said: Mapping[str, str]) -> bool:
    return record.facts != facts.digest or {path: each.said for path, each in record.files.items()} != said


async def recorded(context: Context, *, number: int = 0, at: float = 0.0) -> RecordedPages:
    """The pages of a record: of a number, of a moment (Unix seconds), or of the newest."""
    async with context.store.read() as connection:
        if number:
            record = await rows.find(connection, number)
        else:
            record = await (rows.at(connection, at) if at else rows.newest(connection))
    if record is None:
        what = f"no record {number} of the public pages" if number else "no record of the public pages then"
        raise UnknownError(what, "see those that there are with: filterd page list")
    return RecordedPages(record, await _bodies(context, record))


async def newest_number(context: Context) -> int:
    """The number of the newest record; 0: there is none."""
    async with context.store.read() as connection:
        return await rows.newest_number(connection)


async def records(context: Context) -> list[PageRecord]:
    """The newest records, the newest first."""
    async with context.store.read() as connection:
        return await rows.every(connection, SHOWN)


async def last_exported(context: Context) -> PageRecord | None:
    """The record that was exported last; None: none ever was."""
    async with context.store.read() as connection:
        return await rows.last_exported(connection)


async def _bodies(context: Context, record: PageRecord) -> dict[str, bytes]:
    async with context.store.read() as connection:
        found = await rows.bodies_of(connection, [each.digest for each in record.files.values()])
    return {path: found[each.digest] for path, each in sorted(record.files.items())}


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()


def _subject(record: PageRecord) -> str:
    return f"page:{record.stamp.number}"
