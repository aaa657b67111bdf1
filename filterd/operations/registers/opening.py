"""Carries out the removals of a list that were told before their time, once it has come.

They become a document of their own, under the same guards: what is newer wins, and too many are held.
"""

from __future__ import annotations

import hashlib

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.parsed import ParsedDocument, ParsedItem
from filterd.model.register import ItemAct, RegisterRun, RunOrigin, RunState
from filterd.operations.context import Context
from filterd.operations.registers import lists
from filterd.operations.registers.documents import DocumentWork
from filterd.store import register_dates


async def open_due(context: Context, register: RegisterSettings) -> None:
    """Unblock what is due to be. Raises OperationError; what is not done is taken up again."""
    now = float(context.clock())
    async with context.store.read() as connection:
        due = await register_dates.openings(connection, register.id, now)
    if not due:
        return
    items = tuple(
        ParsedItem(number, name, ItemAct.UNBLOCK, at=due[name]) for number, name in enumerate(sorted(due), 1)
    )
    digest = hashlib.sha256("".join(f"{name} {due[name]}\n" for name in sorted(due)).encode()).hexdigest()
    run = RegisterRun(
        number=0,
        register=register.id,
        document=f"due-{int(max(due.values()))}-{digest[:12]}",
        digest=digest,
        origin=RunOrigin.PUSH,
        received_at=now,
        due_at=now + register.answer_within,
        state=RunState.TAKEN,
        actor=context.actor,
    )
    await lists.take_list(context, DocumentWork(register, ParsedDocument(items), run))
