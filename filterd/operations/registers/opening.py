"""Carries out the removals of a list that were told before their time, once it has come.

They become a document of their own, under the same guards: what is newer wins, and too many are held. What a
clock that was ahead carried out is told again once it is right: those names are blocked until their time.
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
from filterd.store import registers as rows


async def open_due(context: Context, register: RegisterSettings) -> None:
    """Unblock what is due to be, and block again what was unblocked too early. Raises OperationError; what is
    not done is taken up again."""
    now = float(context.clock())
    async with context.store.read() as connection:
        due = await register_dates.openings(connection, register.id, now)
        number = await rows.next_number(connection)  # the same removals may be due twice
    if not due:
        return
    items = tuple(
        ParsedItem(number, name, ItemAct.UNBLOCK, at=due[name]) for number, name in enumerate(sorted(due), 1)
    )
    told = f"{number}\n" + "".join(f"{name} {due[name]}\n" for name in sorted(due))
    digest = hashlib.sha256(told.encode()).hexdigest()
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
