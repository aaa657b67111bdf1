"""Puts the open items of a register's list in force, and answers them by what is in force then.

Called with the register's lock held. It can be called again at any time: it takes up what is open.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import (
    ItemAct,
    ItemAnswer,
    ItemReason,
    RegisterItem,
    RegisterRun,
    RunState,
)
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.feeds.taking import FeedUpdate
from filterd.operations.registers import auditing, list_files
from filterd.store import registers as rows
from filterd.store.store import Write

OpenRun = tuple[RegisterRun, list[RegisterItem]]
LISTED_AGAIN = "it is listed again: nothing was unblocked"
KEPT_BACK = "a guard of the list keeps it back: people decide on it (filterd feed show)"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The outcome of reading the list by its feed."""

    settled: bool
    """the version in force has all that its guards let pass"""
    problem: str = ""


async def pending_removals(context: Context, register: RegisterSettings) -> set[str]:
    """The names whose removal is held."""
    return {
        item.value
        for run, items in await _open(context, register)
        if run.state is RunState.HELD
        for item in items
        if item.act is ItemAct.UNBLOCK
    }


async def standing(context: Context, register: RegisterSettings) -> set[str]:
    """The names that are blocked, or will be once what is open is done, and those that a guard of the list
    keeps back: a document changes what it tells beside them. One that merely stands in the list's file, and
    is not in force, is none of them."""
    waiting = await _open(context, register)
    names = _with(await list_files.listed(context, register), waiting)
    opened = {each.value for _, items in waiting for each in items if each.act is ItemAct.BLOCK}
    missing = names - await list_files.in_force(context, register) - opened
    if not missing:
        return names
    async with context.store.read() as connection:
        return names - (missing - await rows.refused(connection, register.id, ItemReason.PROTECTED))


async def let_in(context: Context, register: RegisterSettings, items: Sequence[RegisterItem]) -> None:
    """Let the list's feed judge anew where it kept any of these items back: its guards may have changed."""
    if any(each.detail == KEPT_BACK for each in items):
        await _read_by_feed(context, register)


async def drop_removals(write: Write, register: RegisterSettings, names: Collection[str]) -> None:
    """Answer the held removals of names that are listed again: nothing was unblocked, and nothing is."""
    if not names:
        return
    for run in await rows.open_runs(write.connection):
        if run.register != register.id or run.state is not RunState.HELD:
            continue
        every = await rows.items(write.connection, run.number)
        waiting = [each for each in every if each.answer is None]
        off = [
            replace(_done(each, write.now), done_at=0.0, detail=LISTED_AGAIN)
            for each in waiting
            if each.act is ItemAct.UNBLOCK and each.value in names
        ]
        await rows.put_items(write.connection, run.number, off)
        if len(off) == len(waiting):
            next_at = write.now if register.answers is not None else 0.0
            over = replace(run, state=RunState.TAKEN, problem="", answered_at=write.now, next_at=next_at)
            await rows.put(write.connection, over)


async def apply(context: Context, register: RegisterSettings) -> int:
    """Write the list with all open items, let its feed read it, and answer. Returns how many were answered.
    What could not be put in force stays open, with its problem, and is tried again."""
    waiting = await _open(context, register)
    before = await list_files.listed(context, register)
    names = _with(before, waiting)
    if names != before or not await list_files.is_sound(context, register):
        await list_files.write_list(context, register, names)
    if not waiting:
        return 0
    outcome = await _read_by_feed(context, register)
    in_force = await list_files.in_force(context, register) if outcome.settled else set()
    count = 0
    for run, items in waiting:
        answered = _answers(items, in_force, context.clock()) if outcome.settled else []
        count += len(answered)
        await _keep(context, register, (run, items), answered, outcome)
    return count


async def _open(context: Context, register: RegisterSettings) -> list[OpenRun]:
    """The runs of a register with items that have no answer, oldest first."""
    async with context.store.read() as connection:
        found = [e for e in await rows.open_runs(connection) if e.register == register.id]
        both = [(run, await rows.items(connection, run.number)) for run in found if not run.answered_at]
    return [(run, [each for each in items if each.answer is None]) for run, items in both]


def _with(before: set[str], waiting: Sequence[OpenRun]) -> set[str]:
    """The list after the open items, in their order; removals that are held are left."""
    names = set(before)
    for run, items in waiting:
        for item in items:
            if item.act is ItemAct.BLOCK:
                names.add(item.value)
            elif run.state is not RunState.HELD:
                names.discard(item.value)
    return names


async def _read_by_feed(context: Context, register: RegisterSettings) -> _Outcome:
    try:
        (update,) = await updating.update(context, [register.list])
    except OperationError as error:
        return _Outcome(settled=False, problem=str(error))
    if update.outcome in ("updated", "unchanged"):
        return _Outcome(settled=True)
    return _Outcome(settled=False, problem=_why(register, update))


def _why(register: RegisterSettings, update: FeedUpdate) -> str:
    told = update.problem or "it is held"
    return f"the list {register.list} is not in force ({update.outcome}): {told}"[:500]


def _answers(items: Sequence[RegisterItem], in_force: set[str], now: float) -> list[RegisterItem]:
    """The items that can be answered by what is in force."""
    found = []
    for item in items:
        if item.act is ItemAct.UNBLOCK:
            if item.value not in in_force:  # held or not: another document may have unblocked it
                found.append(_done(item, now))
        elif item.value in in_force:
            found.append(_done(item, now))
        else:
            refused = replace(
                item,
                answer=ItemAnswer.UNPROCESSED,
                reason=ItemReason.PROTECTED,
                detail=KEPT_BACK,
                answered_at=now,
            )
            found.append(refused)
    return found


def _done(item: RegisterItem, now: float) -> RegisterItem:
    return replace(item, answer=ItemAnswer.PROCESSED, done_at=now, answered_at=now)


async def _keep(
    context: Context,
    register: RegisterSettings,
    opened: OpenRun,
    answered: Sequence[RegisterItem],
    outcome: _Outcome,
) -> None:
    run, items = opened
    whole = len(answered) == len(items)
    now = context.clock()
    problem = outcome.problem or (run.problem if run.state is RunState.HELD else "")
    after = replace(
        run,
        problem="" if whole else problem,
        state=RunState.TAKEN if whole else run.state,
        answered_at=now if whole else 0.0,
        next_at=now if whole and register.answers is not None else 0.0,
    )
    if not answered and after == run:
        return
    async with context.store.write(context.actor, now) as write:
        await rows.put(write.connection, after)
        await rows.put_items(write.connection, run.number, answered)
        told = {**auditing.audited_run(after), **auditing.audited_items(answered)}
        write.audit("register.answer", f"register:{register.id}", after=told)
