"""Removals that a restored store has open, held, or noted for a time to come: they are off.

What was decided on them after the backup is lost: the name may have been listed again since. So it stays
blocked, and the next list or document says anew what is to be unblocked.
"""

from __future__ import annotations

from dataclasses import replace

from filterd.model.register import ItemAct, ItemAnswer, RegisterItem, RunState
from filterd.operations.context import Context
from filterd.operations.registers import auditing
from filterd.operations.registers.finding import register_subject
from filterd.store import register_dates
from filterd.store import registers as rows
from filterd.store.register_dates import EntryDate
from filterd.store.store import Write

OFF = "a restore took it back: nothing was unblocked, and the next document says it anew"
REMARK = (
    "removals of the register {register} that were open, held or still to come in the backup are off, and"
    " their names stay blocked ({count}): take its newest list or document again (filterd register pull,"
    " filterd register take)"
)


async def drop_removals(context: Context) -> list[str]:
    """Drop them. Returns what a person must look at."""
    counts: dict[str, int] = {}
    async with context.store.write(context.actor, context.clock()) as write:
        for register, count in (*await _open(context, write), *await _to_come(context, write)):
            counts[register] = counts.get(register, 0) + count
        for register, count in counts.items():
            write.audit("register.drop", register_subject(register), after={"removals": count})
    return [REMARK.format(register=register, count=f"{count:,}") for register, count in counts.items()]


async def _open(context: Context, write: Write) -> list[tuple[str, int]]:
    """Answer the removals that have no answer; return how many, by register."""
    found = []
    sent = {each.id for each in context.settings.registers if each.answers is not None}
    for run in await rows.open_runs(write.connection):
        every = await rows.items(write.connection, run.number)
        waiting = [each for each in every if each.answer is None]
        off = [_off(each, write.now) for each in waiting if each.act is ItemAct.UNBLOCK]
        if not off:
            continue
        await rows.put_items(write.connection, run.number, off)
        whole = len(off) == len(waiting)
        after = replace(
            run,
            state=RunState.TAKEN,
            problem="",
            answered_at=write.now if whole else run.answered_at,
            next_at=write.now if whole and run.register in sent else run.next_at,
        )
        await rows.put(write.connection, after)
        told = {**auditing.audited_run(after), **auditing.audited_items(off)}
        write.audit("register.answer", register_subject(run.register), after=told)
        found.append((run.register, len(off)))
    return found


async def _to_come(context: Context, write: Write) -> list[tuple[str, int]]:
    """Forget the removals that were told before their time; return how many, by register."""
    found = []
    for register in context.settings.registers:
        known = await register_dates.dates(write.connection, register.id)
        off = {name: EntryDate(each.said_at) for name, each in known.items() if each.opens_at > 0}
        if off:
            await register_dates.put_dates(write.connection, register.id, off)
            found.append((register.id, len(off)))
    return found


def _off(item: RegisterItem, now: float) -> RegisterItem:
    return replace(item, answer=ItemAnswer.PROCESSED, answered_at=now, detail=OFF)
