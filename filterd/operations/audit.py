"""The audit trail as a use case: its last entries, and the proof that it is whole."""

from __future__ import annotations

from collections.abc import Sequence

from filterd.audit.chain import Proof, prove
from filterd.audit.changes import change_fault
from filterd.model.audit_chain import StoredEntry
from filterd.operations import integrity
from filterd.operations.context import Context, OperationError
from filterd.operations.integrity import RowFault
from filterd.operations.orders import showing
from filterd.operations.trail import checkpoints, statements
from filterd.operations.trail.checkpoints import CheckpointFault
from filterd.store import change_log, subscribers
from filterd.store.errors import StoreRolledBackError

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
    async with context.store.read() as connection:
        end = await change_log.chain_end(connection)
    return await prove(change_log.all_entries(context.store.read, end[0]), end)
