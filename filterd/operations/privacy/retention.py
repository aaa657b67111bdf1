"""Deletes what is past its term, and proves that it is gone (LFPDPPP 10).

A run deletes class by class, in small writes, so that no order waits behind it. Then it empties the
write-ahead log and records in the audit trail, by class, how many went, and from when the oldest is that
stays. A proof looks at the store and its file anew, and believes no record.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from filterd.operations.consent import ENDED_AGAIN, ContractEvent
from filterd.operations.context import Context, OperationError
from filterd.operations.privacy import held_files
from filterd.operations.privacy.classes import DataClass, classes, with_terms
from filterd.store import change_log
from filterd.store import retention as rows
from filterd.store.engine import BREATH, database_path
from filterd.store.free_pages import Residue, residue
from filterd.store.preservation import is_held
from filterd.store.retention import HeldRows, Past

ACTION, SUBJECT = "retention.run", "retention"
GRACE_SECONDS = 172_800.0
"""after a term, until what is still there counts as overdue: a run is made each day"""
CONSENT_ENDS = ("opt_out", ENDED_AGAIN, *(each.value for each in ContractEvent if each.ends_consent))
"""kinds of requests with which consent ends"""
_IN_FILES = ("backups", "aside")
CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class ClassState:
    """A class of data at this moment."""

    id: str
    seconds: int
    """its term; 0: none that runs by the clock"""
    rows: int | None
    """rows or files that there are; None: they are not counted"""
    due: int
    """of these, past the term"""
    oldest_at: float
    """the time that the oldest one counts from; 0: none counts"""
    on_hold: int = 0
    """past the term too, and kept by a preservation hold"""


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """The result of a run."""

    deleted: dict[str, int]
    """by class, of those that have a term"""
    states: tuple[ClassState, ...]
    """afterwards"""
    kept: tuple[str, ...]
    """files past their term that could not be deleted, each with the reason"""
    log_emptied: bool


@dataclass(frozen=True, slots=True)
class RetentionProof:
    """The result of a proof."""

    states: tuple[ClassState, ...]
    residue: Residue
    last_run_at: float
    """0: there was none"""

    @property
    def holds(self) -> bool:
        """True if nothing past its term remains but what a hold keeps, nor anything that was deleted."""
        return self.residue.clean and not any(each.due for each in self.states)


async def show(context: Context) -> tuple[ClassState, ...]:
    """Every class as it is now."""
    async with context.store.read() as connection:
        counted = await rows.counts(connection)
    return tuple([await _state(context, each, counted, context.clock()) for each in classes()])


async def run(context: Context, *, in_files: bool = True, rewrite: bool = False) -> RetentionRun:
    """Delete what is past its term. What cannot be deleted is kept in the result, and tried again by the next
    run. ``in_files`` false: from the store alone. ``rewrite``: write the store's file anew afterwards, for
    which writers wait."""
    now = context.clock()
    deleted: dict[str, int] = {}
    kept: list[str] = []
    for each in with_terms():
        if each.id in _IN_FILES and not in_files:
            continue
        deleted[each.id], failed = await _delete(context, each, now - each.seconds_in(context.settings))
        kept += failed
    states = await show(context)
    async with context.store.write(context.actor, now) as write:
        write.audit(ACTION, SUBJECT, after=_audited(deleted, states, kept))
    # The newest change stays, and only the entry of this run made another one the newest.
    await _prune(context, now - context.settings.retention.changes)
    if rewrite:
        await context.store.rewrite()
    emptied = await context.store.empty_log()
    return RetentionRun(deleted, states, tuple(kept), emptied)


async def prove(context: Context) -> RetentionProof:
    """Look whether anything remains that should be gone: in every class, and in the file of the store."""
    if not await context.store.empty_log():
        message = "nothing is proved: the write-ahead log cannot be emptied while somebody reads the store"
        raise OperationError(message, "end what reads the store for long, then repeat it")
    left = await asyncio.to_thread(residue, database_path(context.settings.store.url))
    return RetentionProof(await show(context), left, await last_run_at(context))


async def last_run_at(context: Context) -> float:
    """The time of the newest run, in Unix seconds; 0: there was none."""
    async with context.store.read() as connection:
        entries = await change_log.newest_entries(connection, 1, SUBJECT)
    return entries[0].entry.at if entries else 0.0


async def overdue(context: Context) -> dict[str, int]:
    """By class, how many rows or files are past their term by more than :data:`GRACE_SECONDS`."""
    late = context.clock() - GRACE_SECONDS
    return {
        each.id: await _count_due(context, each.id, late - each.seconds_in(context.settings))
        for each in with_terms()
    }


async def on_hold(context: Context) -> dict[str, int]:
    """By class, how many rows or files are past their term, and kept by a hold."""
    return {each.id: each.on_hold for each in await show(context) if each.on_hold}


async def _count_due(context: Context, name: str, before: float) -> int:
    if name in _IN_FILES:
        return (await _kept(context, name, before)).due
    async with context.store.read() as connection:
        return await rows.count_due(connection, _past(context, name, before))


def _past(context: Context, name: str, before: float) -> Past:
    return Past(name, context.clock(), before, CONSENT_ENDS)


async def _state(context: Context, found: DataClass, counted: dict[str, int], now: float) -> ClassState:
    seconds = found.seconds_in(context.settings)
    if not seconds:
        return ClassState(found.id, 0, counted.get(found.id), 0, 0.0)
    kept = await _kept(context, found.id, now - seconds)
    return ClassState(found.id, seconds, kept.rows, kept.due, kept.oldest, kept.on_hold)


async def _kept(context: Context, name: str, before: float) -> HeldRows:
    if name in _IN_FILES:
        found = await asyncio.to_thread(held_files.kept, context.settings, name, before)
        return replace(found, due=0, on_hold=found.due) if await _held(context, name) else found
    async with context.store.read() as connection:
        return await rows.kept(connection, _past(context, name, before))


async def _held(context: Context, name: str) -> bool:
    """True where a hold keeps a class of files."""
    async with context.store.read() as connection:
        return await is_held(connection, name, context.clock())


async def _delete(context: Context, found: DataClass, before: float) -> tuple[int, list[str]]:
    if found.id in _IN_FILES:
        if await _held(context, found.id):
            return 0, []
        return await asyncio.to_thread(held_files.delete_due, context.settings, found.id, before)
    if found.id == CHANGES:
        return await _prune(context, before), []
    past = _past(context, found.id, before)
    total, after, more = 0, None, True
    while more:
        async with context.store.read() as connection:
            keys, after = await rows.due_keys(connection, past, after)
        if keys:
            async with context.store.report() as connection:
                total += await rows.delete_keys(connection, past, keys)
            await asyncio.sleep(BREATH)
        more = after is not None
    return total, []


async def _prune(context: Context, before: float) -> int:
    """Delete old changes; the newest one stays."""
    total, count = 0, 1
    while count:
        async with context.store.report() as connection:
            count = await rows.prune_changes(connection, before, context.clock())
        total += count
        await asyncio.sleep(BREATH)
    return total


def _audited(deleted: dict[str, int], states: tuple[ClassState, ...], kept: list[str]) -> dict[str, Any]:
    terms = [each for each in states if each.seconds]
    return {
        "deleted": deleted,
        "remaining": {each.id: each.rows for each in terms},
        "oldest": {each.id: int(each.oldest_at) for each in terms},
        "on_hold": {each.id: each.on_hold for each in terms if each.on_hold},
        "not_deleted": len(kept),
    }
