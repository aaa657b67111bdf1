"""Statements about the change log and the audit trail: reading, the floor, and pruning."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import AuditEntry, StoredEntry
from filterd.model.change_chain import Cursor, StoredChange
from filterd.model.changelog import CONTROL, ERASED, LINE_REMOVED, MANDATORY, PARENTAL
from filterd.store.tables import audit, change, changed_line, head, log_floor

Read = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
"""begins a read transaction: ``Store.read``"""

PRUNE_ROWS = 1_000
"""change rows deleted in one transaction"""
ROWS_AT_ONCE = 200
"""rows of a search through all changes that are taken between two waits for the database"""


async def revision(connection: AsyncConnection) -> int:
    """The newest revision."""
    return int((await connection.execute(select(head.c.revision))).scalar_one())


async def hash_at(connection: AsyncConnection, revision: int) -> str | None:
    """The hash at a revision of this history; None where it has no such revision, or no longer."""
    floor = (await connection.execute(select(log_floor))).one()
    if revision == floor.revision:
        return str(floor.hash)
    found = await connection.execute(select(change.c.hash).where(change.c.revision == revision))
    return found.scalar_one_or_none()


async def empty(connection: AsyncConnection, cursor: Cursor) -> None:
    """Delete every change, and raise the floor to ``cursor``: every node reads the full state."""
    await _keep_lines(connection, cursor.revision)
    await connection.execute(update(log_floor).values(revision=cursor.revision, hash=cursor.hash))
    await connection.execute(delete(change).where(change.c.revision <= cursor.revision))


async def newest_of(connection: AsyncConnection, stream: str) -> int:
    """The newest revision of one stream; 0 if the log has none."""
    newest = select(func.max(change.c.revision)).where(change.c.stream == stream)
    return int((await connection.execute(newest)).scalar_one() or 0)


async def size_above(connection: AsyncConnection, stream: str, above: int) -> int:
    """The length of one stream's payloads after a revision, in characters."""
    query = select(func.sum(func.length(change.c.payload)))
    query = query.where(change.c.stream == stream, change.c.revision > above)
    return int((await connection.execute(query)).scalar_one() or 0)


async def floor(connection: AsyncConnection) -> int:
    """The floor: changes at or below this revision may be gone."""
    return int((await connection.execute(select(log_floor.c.revision))).scalar_one())


async def prune(connection: AsyncConnection, keep: int) -> bool:
    """Raise the floor by at most :data:`PRUNE_ROWS` rows towards the ``keep`` newest revisions.

    Return whether more is left to prune. No data is lost: a node below the floor reads the full state.
    """
    target = await revision(connection) - keep
    first = (await connection.execute(select(func.min(change.c.revision)))).scalar_one()
    if first is None or first > target:
        return False
    new_floor = min(first + PRUNE_ROWS - 1, target)
    await _keep_lines(connection, new_floor)
    last = select(change.c.hash).where(change.c.revision == new_floor).scalar_subquery()
    await connection.execute(update(log_floor).values(revision=new_floor, hash=last))
    await connection.execute(delete(change).where(change.c.revision <= new_floor))
    return bool(new_floor < target)


async def _keep_lines(connection: AsyncConnection, last: int) -> None:
    """Keep the last change of each line from the changes up to a revision, which are about to go; of a line
    that was removed none, since its number is not given out again."""
    going = (change.c.stream == PARENTAL, change.c.revision <= last, change.c.line.is_not(None))
    removed = select(change.c.line).where(*going, change.c.kind == LINE_REMOVED)
    lines = select(change.c.line, func.max(change.c.revision)).where(*going, change.c.line.not_in(removed))
    lines = lines.group_by(change.c.line)
    await connection.execute(
        delete(changed_line).where(changed_line.c.line.in_(select(change.c.line).where(*going)))
    )
    await connection.execute(insert(changed_line).from_select(["line", "revision"], lines))


async def changes_of_line(
    connection: AsyncConnection, line: int, prefixes: Sequence[str], *, above: int = 0
) -> list[int]:
    """The revisions whose changes concern a line or one of its prefixes."""
    found = []
    wanted = (change.c.stream == PARENTAL, change.c.revision > above)
    query = select(change.c.revision, change.c.payload).where(*wanted)
    rows = await connection.stream(query.execution_options(yield_per=ROWS_AT_ONCE))
    async for row in rows:
        fields = json.loads(row.payload)
        if fields.get("line") == line or fields.get("prefix") in prefixes:
            found.append(row.revision)
    return found


async def removed_lines(connection: AsyncConnection, above: int) -> list[int]:
    """The lines that were removed after a revision."""
    query = select(change.c.payload).where(change.c.revision > above, change.c.kind == LINE_REMOVED)
    return [int(json.loads(payload)["line"]) for payload in (await connection.execute(query)).scalars()]


async def changes_of_order(connection: AsyncConnection, order: int) -> list[int]:
    """The revisions whose changes hold the entries of the order with this mandatory id."""
    query = select(change.c.revision, change.c.payload).where(change.c.stream == MANDATORY)
    rows = await connection.stream(query.execution_options(yield_per=ROWS_AT_ONCE))
    found = []
    async for row in rows:
        fields = json.loads(row.payload)
        if fields.get("id") == order and (fields.get("names") or fields.get("addresses")):
            found.append(row.revision)
    return found


async def forget(connection: AsyncConnection, revisions: Sequence[int]) -> None:
    """Erase the content of changes that a later change supersedes. The caller appends the later one.

    The rows keep revision and hash, by which a node knows its cursor; the salt goes with the content.
    """
    nothing = {"stream": CONTROL, "kind": ERASED, "payload": "", "salt": "", "line": None}
    for start in range(0, len(revisions), PRUNE_ROWS):
        some = revisions[start : start + PRUNE_ROWS]
        await connection.execute(update(change).where(change.c.revision.in_(some)).values(nothing))


async def ends(connection: AsyncConnection) -> tuple[Cursor, Cursor]:
    """The floor and the head of the log."""
    floor_row = (await connection.execute(select(log_floor))).one()
    head_row = (await connection.execute(select(head.c.revision, head.c.change_hash))).one()
    return Cursor(floor_row.revision, floor_row.hash), Cursor(head_row.revision, head_row.change_hash)


async def all_changes(read: Read, last: int) -> AsyncIterator[StoredChange]:
    """The rows of the log up to revision ``last``, read in pages, each in its own short transaction."""
    after = 0
    while True:
        query = select(change).where(change.c.revision > after, change.c.revision <= last)
        async with read() as connection:
            rows = (await connection.execute(query.order_by(change.c.revision).limit(1_000))).all()
        for row in rows:
            yield StoredChange(row.revision, row.stream, row.kind, row.at, row.payload, row.salt, row.hash)
        if not rows:
            return
        after = rows[-1].revision


async def entries(connection: AsyncConnection, *, after: int = 0, limit: int = 1_000) -> list[StoredEntry]:
    """A page of audit entries in the order of the chain, after sequence ``after``."""
    query = select(audit).where(audit.c.sequence > after).order_by(audit.c.sequence).limit(limit)
    return [stored(row) for row in await connection.execute(query)]


async def origin(connection: AsyncConnection) -> str:
    """The hash of the first entry in the audit trail, which no other installation has; empty where nothing
    was decided yet."""
    first = await entries(connection, limit=1)
    return first[0].hash if first else ""


async def entries_of(connection: AsyncConnection, subject: str) -> list[StoredEntry]:
    """The entries about one subject, oldest first."""
    query = select(audit).where(audit.c.subject == subject).order_by(audit.c.sequence)
    return [stored(row) for row in await connection.execute(query)]


async def lines_of_actor(connection: AsyncConnection, actor: str, since: float) -> list[tuple[int, str]]:
    """The line and the action of each entry about a line that an actor caused from a time on."""
    query = select(audit.c.subject, audit.c.action).where(
        audit.c.subject.between("line:", "line;"), audit.c.actor == actor, audit.c.at >= since
    )
    rows = await connection.execute(query)
    return [(int(row.subject.partition(":")[2]), row.action) for row in rows]


async def newest_decisions(
    connection: AsyncConnection, kind: str, actions: Sequence[str], *, before: float | None = None
) -> dict[str, dict[str, Any]]:
    """The state that the last of these actions left each subject of a kind (``order``, ``feed``) in, by the
    subject's id; ``before``: the last one before a moment, Unix seconds."""
    newest = (
        select(func.max(audit.c.sequence))
        .where(audit.c.subject.between(f"{kind}:", f"{kind};"), audit.c.action.in_(actions))
        .group_by(audit.c.subject)
    )
    if before is not None:
        newest = newest.where(audit.c.at < before)
    rows = await connection.execute(
        select(audit.c.subject, audit.c.after).where(audit.c.sequence.in_(newest))
    )
    return {row.subject.partition(":")[2]: _state(row.after) for row in rows}


async def newest_sequences(connection: AsyncConnection, kind: str, actions: Sequence[str]) -> dict[str, int]:
    """The place in the chain of the last of these actions on each subject of a kind, by the subject's id."""
    rows = await connection.execute(
        select(audit.c.subject, func.max(audit.c.sequence).label("sequence"))
        .where(audit.c.subject.between(f"{kind}:", f"{kind};"), audit.c.action.in_(actions))
        .group_by(audit.c.subject)
    )
    return {row.subject.partition(":")[2]: row.sequence for row in rows}


def _state(after: str | None) -> dict[str, Any]:
    """A state in the trail; empty for one that is damaged."""
    try:
        told = json.loads(after or "")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


async def decisions(
    connection: AsyncConnection, kind: str, action: str
) -> list[tuple[str, int, dict[str, Any]]]:
    """Every decision of this action on subjects of a kind, oldest first: the subject's id, the place in the
    chain, and the state that it left the subject in."""
    rows = await connection.execute(
        select(audit.c.subject, audit.c.sequence, audit.c.after)
        .where(audit.c.subject.between(f"{kind}:", f"{kind};"), audit.c.action == action)
        .order_by(audit.c.sequence)
    )
    return [(row.subject.partition(":")[2], row.sequence, _state(row.after)) for row in rows]


async def newest_entries(
    connection: AsyncConnection, count: int, subject: str | None = None, actions: Sequence[str] = ()
) -> list[StoredEntry]:
    """The last entries, or the last about one subject, or those with one of the actions; oldest first."""
    query = select(audit).order_by(audit.c.sequence.desc()).limit(count)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    if actions:
        query = query.where(audit.c.action.in_(actions))
    return [stored(row) for row in await connection.execute(query)][::-1]


async def chain_end(connection: AsyncConnection) -> tuple[int, str]:
    """Sequence and hash of the last entry, from the head."""
    row = (await connection.execute(select(head.c.audit_sequence, head.c.audit_hash))).one()
    return row.audit_sequence, row.audit_hash


async def all_entries(read: Read, last: int, after: int = 0) -> AsyncIterator[StoredEntry]:
    """The chain behind sequence ``after`` up to ``last``, in pages, each in its own short transaction."""
    while after < last:
        async with read() as connection:
            some = await entries(connection, after=after, limit=min(1_000, last - after))
        if not some:
            return
        for entry in some:
            yield entry
        after = some[-1].sequence


def stored(row: Any) -> StoredEntry:
    """The entry of a row. ValueError for one whose states are no JSON."""
    return StoredEntry(
        sequence=row.sequence,
        entry=AuditEntry(
            revision=row.revision,
            at=row.at,
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            reason=row.reason,
            before=None if row.before is None else json.loads(row.before),
            after=None if row.after is None else json.loads(row.after),
        ),
        previous_hash=row.previous_hash,
        hash=row.hash,
        salt=row.salt,
    )
