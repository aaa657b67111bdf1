"""The head of the store against the ledger, and the newest part of the audit trail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from filterd.model.audit_chain import StoredEntry, entry_hash
from filterd.operations import integrity
from filterd.operations.context import Context
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.errors import OperationError
from filterd.operations.privacy import made_backups
from filterd.store import change_log, endings
from filterd.store.errors import StoreError
from filterd.store.ledger import Ledger, LedgerDamagedError, NotedHead

NEWEST = 2_000
"""audit entries whose chain is proved; all of it: filterd audit verify"""
CLOCK_TOLERANCE = 60.0


def check(case: Case) -> Iterator[Finding]:
    """Look at the ledger, then at the store. What keeps the store from being read, ``store`` says."""
    ledger = Ledger(case.settings.store.ledger)
    noted = None
    if ledger.restoring:
        yield found("trail.restoring", ledger=str(ledger.directory))
    try:
        noted = ledger.noted()
    except LedgerDamagedError as error:
        yield found("trail.ledger_damaged", ledger=str(ledger.directory), reason=str(error))
    else:
        if noted is None and stands(case.store):
            yield found("trail.no_ledger", ledger=str(ledger.directory))
        yield from _endings(case, ledger, noted)
    yield from _serials(ledger)
    yield from _origin(ledger)
    try:
        yield from asyncio.run(_store(case, noted))
    except StoreError:
        return


def _endings(case: Case, ledger: Ledger, noted: NotedHead | None) -> Iterator[Finding]:
    """Look at the record of what was ended: it is damaged, or it lost endings, and no backup was made
    since."""
    try:
        ledger.endings()
    except (LedgerDamagedError, OSError) as error:
        yield found("trail.endings_damaged", ledger=str(ledger.directory), reason=str(error))
        return
    missing_to = 0 if noted is None else noted.missing_to
    if missing_to and not _backed_up(case, missing_to):
        yield found("trail.endings_missing", ledger=str(ledger.directory), revision=missing_to)


def _backed_up(case: Case, revision: int) -> bool:
    """True if a backup stands that has this revision: it needs no earlier endings."""
    try:
        made = made_backups.noted(case.settings.state_dir)
        return any(each.revision >= revision and each.stands for each in made)
    except (OSError, OperationError):
        return False


def _serials(ledger: Ledger) -> Iterator[Finding]:
    """Look at the record of signed lists: one serial cannot be read where the file is damaged."""
    try:
        ledger.serial_of("")
    except (LedgerDamagedError, OSError) as error:
        yield found("trail.serials_damaged", ledger=str(ledger.directory), reason=str(error))


def _origin(ledger: Ledger) -> Iterator[Finding]:
    """Look at the note of the installation: it is damaged, or was, until a write made it anew."""
    try:
        ledger.origin()
    except (LedgerDamagedError, OSError) as error:
        yield found("trail.origin_damaged", ledger=str(ledger.directory), reason=str(error))
    if stands(ledger.origin_aside):
        yield found("trail.origin_made_anew", path=str(ledger.origin_aside))


async def _store(case: Case, noted: NotedHead | None) -> list[Finding]:
    async with reading.opened(case) as context:
        return [each async for each in _compared(context, noted)]


async def _compared(context: Context, noted: NotedHead | None) -> AsyncIterator[Finding]:
    async with context.store.read() as connection:
        head = (await change_log.ends(connection))[1]
        entries = await change_log.newest_entries(connection, NEWEST)
        end = await change_log.chain_end(connection)
        at = None if noted is None else await change_log.hash_at(connection, noted.committed.revision)
        floor = await change_log.floor(connection)
        faults = await integrity.faults(connection)
        losing = await endings.losing_restore(connection)
    if losing is not None:
        backup = (losing.before or {}).get("revision", 0)
        yield found("trail.endings_lost", revision=losing.revision, backup=backup)
    if noted is not None and head.revision < noted.committed.revision:
        yield found("trail.rolled_back", revision=head.revision, acknowledged=noted.committed.revision)
    elif noted is not None and noted.committed.revision >= floor and at != noted.committed.hash:
        yield found("trail.other_history", revision=noted.committed.revision)
    broken = first_break(entries, end)
    if broken:
        yield found("trail.broken", sequence=broken)
    if faults:
        orders = sum(each.subject.startswith("order:") for each in faults)
        yield found("trail.rows", orders=orders, feeds=len(faults) - orders)
    newest = max((each.entry.at for each in entries), default=0.0)
    behind = newest - context.clock()
    if behind > CLOCK_TOLERANCE:
        yield found("clock.behind_trail", seconds=round(behind))


def first_break(entries: list[StoredEntry], end: tuple[int, str]) -> int:
    """The sequence number of the first of these entries that does not follow the one before it, or was
    altered, or that is missing at the end; 0 where the chain holds."""
    previous = None
    for each in entries:
        follows = previous is None or (each.previous_hash, each.sequence) == (
            previous.hash,
            previous.sequence + 1,
        )
        if not follows or each.hash != entry_hash(each.previous_hash, each.entry, each.salt):
            return each.sequence
        previous = each
    last = (0, end[1]) if previous is None else (previous.sequence, previous.hash)
    return 0 if last == end else last[0] + 1
