"""The trouble of putting a register's list in force, on record with the register, whose status tells it."""

from __future__ import annotations

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import RegisterPull
from filterd.operations.context import Context
from filterd.store import registers as rows

OPEN = "what is open is not put in force: "
_NEVER = RegisterPull("", 0.0, 0.0, "")


async def note_open(context: Context, register: RegisterSettings, problem: str) -> None:
    """Note why what is open is not put in force; no problem: it was. Pulls are due as they were, and a
    problem of theirs stays."""
    told = OPEN + problem if problem else ""
    async with context.store.read() as connection:
        if not _changes((await rows.pulls(connection)).get(register.id, _NEVER), told):
            return
    async with context.store.report() as connection:
        before = (await rows.pulls(connection)).get(register.id, _NEVER)
        if _changes(before, told):
            after = RegisterPull(register.id, before.tried_at, before.good_at, told[:500])
            await rows.put_pull(connection, after)


def _changes(before: RegisterPull, told: str) -> bool:
    ours = not before.problem or before.problem.startswith(OPEN)
    return ours and before.problem != told[:500]
