"""The audit trail as a use case: its last entries, and the proof that it is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.audit.chain import Proof, prove
from filterd.audit.changes import change_fault
from filterd.model.audit_chain import GENESIS, StoredEntry
from filterd.operations import integrity
from filterd.operations.context import Context, OperationError
from filterd.operations.integrity import RowFault
from filterd.operations.orders import showing
from filterd.operations.plain_values import moment
from filterd.operations.trail import checkpoints, statements
from filterd.operations.trail.checkpoints import CheckpointFault
from filterd.store import change_log, subscribers, verified_trail
from filterd.store.errors import StoreError, StoreRolledBackError
from filterd.store.ledger import LedgerDamagedError
from filterd.store.verified_trail import VerifiedTrail

KINDS = (
    *("order", "line", "feed", "snapshot", "file", "token", "evidence", "page"),
    *("node", "key", "checkpoint", "statement"),
)
"""what stands before the colon of a subject"""
STORE = "store"
"""the subject of what concerns the store as a whole"""
LARGEST = 2**63 - 1
"""of the numbers that the store can hold"""


async def tail(context: Context, count: int = 20, subject: str | None = None) -> Sequence[StoredEntry]:
    """The last entries, oldest first; of one subject (``order:O-1``, ``line:7``, ``feed:adult``) alone."""
    if subject is not None and subject.startswith("order:"):
        subject = f"order:{subject.removeprefix('order:').strip().upper()}"
    async with context.store.read() as connection:
        return await change_log.newest_entries(connection, count, subject)


async def page(context: Context, after: int, limit: int) -> Sequence[StoredEntry]:
    """The entries behind one, oldest first."""
    async with context.store.read() as connection:
        return await change_log.entries(connection, after=after, limit=limit)


async def require_subject(context: Context, subject: str) -> None:
    """Raise OperationError where nothing was recorded of an order or a line since there is none."""
    kind, _, name = subject.partition(":")
    if kind == "order":
        await showing.show(context, name)
    elif kind == "line":
        async with context.store.read() as connection:
            line = int(name) if name.isdecimal() and int(name) <= LARGEST else 0
            known = line and await subscribers.find_line(connection, line)
        if not known:
            message = f"there is no line {name[:32]!r}, and nothing was recorded of one"
            raise OperationError(message, "see the number of a line: filterd subscriber show ID")


async def count(context: Context) -> int:
    """The number of entries."""
    async with context.store.read() as connection:
        return (await change_log.chain_end(connection))[0]


async def compare(context: Context) -> tuple[RowFault, ...]:
    """The orders and feeds whose rows are not what the trail says was decided, and mandatory lists whose
    file is not the one that was read."""
    return await integrity.compare(context)


async def verify_changes(context: Context) -> str:
    """The first fault of the change log, which nodes refuse as well; empty where there is none."""
    async with context.store.read() as connection:
        floor, head = await change_log.ends(connection)
    return await change_fault(change_log.all_changes(context.store.read, head.revision), floor, head)


async def standing(context: Context) -> str:
    """Why this store is not the newest one; empty where it is."""
    try:
        await context.store.require_newest()
    except StoreRolledBackError as error:
        return str(error)
    return ""


async def verify_signed(context: Context) -> tuple[CheckpointFault, ...]:
    """The checkpoints and public statements that are not what was signed, or do not agree with the trail."""
    days = await statements.verify(context)
    wrong = tuple(CheckpointFault(0, f"the statement of {each} is not what was signed") for each in days)
    return (*await checkpoints.verify(context), *wrong)


async def verify(context: Context) -> Proof:
    """Prove the whole chain, page by page; each page is a read of its own. Entries appended meanwhile are
    left out."""
    return await _prove(context, 0, GENESIS)


@dataclass(frozen=True, slots=True)
class TrailProof:
    """A proof of the chain that may begin behind the entries that were verified before."""

    proof: Proof
    start: int = 0
    """the entry from which it was verified; 0: from the first one"""
    whole_at: float = 0.0
    """when it was last verified from its first entry on, Unix seconds; 0: never without a fault"""
    because: str = ""
    """why it was verified whole although nobody asked for that; empty: it was not, or for the first time"""
    unlike: str = ""
    """in what the trail differs from the one that was verified before; empty: in nothing"""
    remark: str = ""
    """why the next verification does not go on from here; empty where it does"""


async def verify_on(context: Context, *, whole: bool = False) -> TrailProof:
    """Prove the chain from the entry on up to which it was verified before, or ``whole``.

    It is whole too where no earlier entry is on record, and where the store no longer has that entry as it
    was then. A proof without a fault is noted for the next one; beside a trail that is unlike the one
    before, the old note stays until a restore removes it.
    """
    now, ledger = context.clock(), context.store.ledger
    because = unlike = ""
    start, before = 0, GENESIS
    try:
        noted = await asyncio.to_thread(verified_trail.noted, ledger)
    except (LedgerDamagedError, OSError) as error:
        noted, because = None, f"it is not known how far it was verified: {error}"
    if noted is not None:
        async with context.store.read() as connection:
            there = await _entry_at(connection, noted.sequence)
        because = unlike = _difference(noted, there)
        if there is not None and not unlike and not whole:
            start, before = noted.sequence, there.previous_hash
    found = TrailProof(
        await _prove(context, max(0, start - 1), before),
        start,
        noted.whole_at if start and noted is not None else now,
        "" if whole else because,
        unlike,
    )
    if not found.proof.holds:
        return replace(found, whole_at=found.whole_at if start else 0.0)
    if unlike or not found.proof.entries:
        return found
    end = VerifiedTrail(found.proof.entries, found.proof.last_hash, now, found.whole_at)
    return replace(found, remark=await _note(context, end))


async def _prove(context: Context, after: int, before: str) -> Proof:
    """Prove the chain behind the entry ``after``, whose hash is ``before``."""
    async with context.store.read() as connection:
        end = await change_log.chain_end(connection)
    return await prove(change_log.all_entries(context.store.read, end[0], after), end, (after, before))


async def _entry_at(connection: AsyncConnection, sequence: int) -> StoredEntry | None:
    found = await change_log.entries(connection, after=sequence - 1, limit=1)
    return found[0] if found and found[0].sequence == sequence else None


def _difference(noted: VerifiedTrail, there: StoredEntry | None) -> str:
    """In what the trail differs from the one that was verified up to ``noted``; empty: in nothing."""
    when = moment(noted.at)
    if there is None:
        return f"entry {noted.sequence}, verified at {when}, is not in the store any more"
    if there.hash != noted.hash:
        return f"entry {noted.sequence} is not the one that was verified at {when}"
    return ""


async def _note(context: Context, end: VerifiedTrail) -> str:
    """Note how far the trail was verified; return why that could not be done.

    A restore that replaced the store meanwhile removed the note, and this one would be of the trail before:
    the store's write lock is held, and the entry looked at again.
    """
    try:
        async with context.store.report() as connection:
            there = await _entry_at(connection, end.sequence)
            if there is None or there.hash != end.hash:
                return "the store was replaced meanwhile"
            await asyncio.to_thread(verified_trail.note, context.store.ledger, end)
    except (StoreError, OSError) as error:
        return f"it was not noted how far the trail was verified: {error}"
    return ""
