"""A whole list of a register becomes the versions of a mandatory feed: absence means unblock.

What changed is committed first, as items without an answer; then the list is written and read by the feed's
own machinery, with its guards; then each item is answered by what is in force. After a crash the same items
are put in force again. Mandatory blocks never fail open: a list that is empty, cannot be read, or removes too
much, unblocks nothing until a person says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import (
    ItemAct,
    ItemAnswer,
    ItemReason,
    RegisterItem,
    RegisterKind,
    RegisterRun,
    RunOrigin,
    RunState,
)
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders.guards import guards
from filterd.operations.registers import applying, auditing, list_files, repeating
from filterd.operations.registers.below import kept_back
from filterd.operations.registers.deadlines import Deadlines
from filterd.operations.registers.documents import DocumentWork, room_of
from filterd.operations.registers.handed import Handed, TakenDocument
from filterd.operations.registers.items import FULL, CapacityLeft, JudgedItem, read_item
from filterd.operations.registers.saying import DocumentWord, said
from filterd.store import register_dates
from filterd.store import registers as rows
from filterd.store.register_dates import EntryDate
from filterd.store.store import Write

AHEAD = "its removal is noted: it stays blocked until its time"


@dataclass(frozen=True, slots=True)
class ListPlan:
    """The changes that a document makes to the list."""

    items: tuple[RegisterItem, ...]
    state: RunState = RunState.TAKEN
    problem: str = ""
    listed: int = 0
    landed: frozenset[str] = frozenset()
    """new names that are in force already: they take no more room"""
    again: frozenset[str] = frozenset()
    """names that stand in it whose removal was held: it is off"""
    dates: Mapping[str, EntryDate] = field(default_factory=dict)
    """what is known of names from now on"""


def is_partial(register: RegisterSettings, handed: Handed) -> bool:
    """True for a document that tells changes alone: a push of Poland's register."""
    return register.as_kind is RegisterKind.POLAND and handed.origin is RunOrigin.PUSH


async def look_at_list(context: Context, work: DocumentWork) -> TakenDocument:
    """The changes that a document would make. Nothing changes."""
    plan = await _plan(context, work)
    return _taken(replace(work.run, items=len(plan.items)), plan, work, dry=True)


async def take_list(context: Context, work: DocumentWork) -> TakenDocument:
    """Take a list in, and put in force what no guard holds. Raises OperationError."""
    async with list_files.alone_with(context, work.register):
        before = await repeating.known(context, work)  # another process may have taken it in just now
        if before is not None:
            await applying.let_in(context, work.register, before.items)
            if await stands(context, work, before):
                return before
        plan = await _plan(context, work)
        async with context.store.write(context.actor, context.clock()) as write:
            plan = _within(plan, await room_of(context, work.register, write.connection), write.now)
            number = await rows.next_number(write.connection)
            unanswered = any(each.answer is None for each in plan.items)
            run = replace(
                work.run,
                number=number,
                document=await _document(write, work.run, number),
                state=plan.state,
                problem=plan.problem,
                items=len(plan.items),
                answered_at=0.0 if unanswered else write.now,
                next_at=write.now if work.register.answers is not None and not unanswered else 0.0,
            )
            await applying.drop_removals(write, register=work.register, names=plan.again)
            await rows.add(write.connection, run, plan.items)
            await register_dates.put_dates(write.connection, work.register.id, plan.dates)
            auditing.audit_take(write, run, plan.items)
        await applying.apply(context, work.register)
    async with context.store.read() as connection:
        done = await rows.numbered(connection, run.number) or run
        items = await rows.items(connection, run.number)
    return _taken(done, replace(plan, items=tuple(items)), work)


async def stands(context: Context, work: DocumentWork, before: TakenDocument) -> bool:
    """True where a list that was taken in before would change nothing now. The newest one may: what it blocks
    may be lost with a restored store or a damaged file, and what did not fit, or was protected, may be
    taken now. An older one is not taken up again."""
    async with context.store.read() as connection:
        newest = await rows.runs(connection, work.register.id, limit=1)
    if newest and newest[0].number != before.run.number:
        return True
    return all(each.answer is not None for each in (await _plan(context, work)).items)


async def _let_in(context: Context, register: RegisterSettings) -> set[str]:
    """The names that a guard of the list kept back when the newest document came, and that are in force now:
    they are answered anew."""
    async with context.store.read() as connection:
        newest = await rows.runs(connection, register.id, limit=1)
        items = await rows.items(connection, newest[0].number) if newest else []
    kept = {each.value for each in items if each.detail == applying.KEPT_BACK}
    return kept & await list_files.in_force(context, register) if kept else set()


async def accept_removals(context: Context, register: RegisterSettings, *, reason: str) -> int:
    """Let the removals that are held take effect: one person is enough, as for every unblock. Returns how
    many. Raises ConflictError where nothing is held."""
    context.require_person()
    async with list_files.alone_with(context, register):
        async with context.store.write(context.actor, context.clock()) as write:
            held = [each for each in await rows.open_runs(write.connection) if _is_held(each, register)]
            if not held:
                message = f"nothing of the register {register.id} is held"
                raise ConflictError(message, f"see: filterd register show {register.id}")
            for run in held:
                after = replace(run, state=RunState.TAKEN, problem="")
                await rows.put(write.connection, after)
                audited = auditing.audited_run(after)
                write.audit("register.accept", f"register:{register.id}", reason=reason, after=audited)
        return await applying.apply(context, register)


async def _document(write: Write, run: RegisterRun, number: int) -> str:
    """The document's number; one of ours where a list has none, or where it had the same content before."""
    taken = await rows.find(write.connection, run.register, run.document)
    return run.document if taken is None else f"{run.document}-{number}"


def _is_held(run: RegisterRun, register: RegisterSettings) -> bool:
    return run.register == register.id and run.state is RunState.HELD


def _taken(run: RegisterRun, plan: ListPlan, work: DocumentWork, *, dry: bool = False) -> TakenDocument:
    run = replace(run, state=plan.state, problem=plan.problem) if dry else run
    return TakenDocument(run, plan.items, dry=dry, whole=work.parsed.whole, listed=plan.listed)


async def _plan(context: Context, work: DocumentWork) -> ListPlan:
    register = work.register
    let_in = await _let_in(context, register)
    before = await applying.standing(context, register) - let_in
    pending = await applying.pending_removals(context, register)
    room = await room_of(context, register)
    judged = await asyncio.to_thread(
        lambda: [read_item(each, register, context.settings) for each in work.parsed.items]
    )
    now, guarding = context.clock(), await asyncio.to_thread(guards, context)
    async with context.store.read() as connection:
        known = await register_dates.dates(connection, register.id)
    told = await asyncio.to_thread(said, judged, known, now, whole=work.parsed.whole)
    _require_enough(work, len(told.blocks))
    maker = _Maker(work, Deadlines(guarding.country, register), now)
    new = told.blocks.keys() - before
    kept = await asyncio.to_thread(kept_back, new - let_in, guarding.policies)
    new -= kept.keys()
    added = [told.blocks[each] for each in (*sorted(new & let_in), *sorted(new - let_in))]
    fitting = len(added) if room.names is None else min(room.names + len(new & let_in), len(added))
    items = [maker.block(each) for each in added[:fitting]]
    items += [maker.full(each) for each in added[fitting:]]
    gone = before - told.standing if work.parsed.whole else told.gone & before
    asked = gone - pending if work.parsed.whole else gone  # told by name: it waits for no absence
    items += [maker.unblock(each) for each in sorted(asked)]
    items += maker.all_refused(told, before, known)
    items += [maker.people_decide(told.blocks[each], why) for each, why in sorted(kept.items())]
    problem = _why_held(register, told, len(gone), whole=work.parsed.whole)
    return ListPlan(
        items=tuple(replace(each, number=number) for number, each in enumerate(items, start=1)),
        state=RunState.HELD if problem else RunState.TAKEN,
        problem=problem,
        listed=len(told.blocks),
        landed=frozenset(new & let_in),
        again=frozenset(told.standing & pending),
        dates=told.dates,
    )


def _within(plan: ListPlan, room: CapacityLeft, now: float) -> ListPlan:
    """The plan with what there is room for as the write sees it: others may have taken some since it was
    made."""
    if room.names is None:
        return plan
    taking = [e for e in plan.items if e.answer is None and e.act is ItemAct.BLOCK]
    over = {each.number for each in [e for e in taking if e.value not in plan.landed][room.names :]}
    items = tuple(_full(each, now) if each.number in over else each for each in plan.items)
    return replace(plan, items=items)


def _full(item: RegisterItem, now: float) -> RegisterItem:
    return replace(
        item,
        due_at=0.0,
        answer=ItemAnswer.UNPROCESSED,
        reason=ItemReason.OVER_CAPACITY,
        detail=FULL,
        answered_at=now,
    )


def _why_held(register: RegisterSettings, told: DocumentWord, gone: int, *, whole: bool) -> str:
    """Why the removals of a document wait for a person; empty: they do not."""
    most = register.guard.max_removals
    if gone > most:
        return f"{gone:,} removals at once, more than guard.max_removals: {most:,}"
    if whole and gone and told.nameless:
        return f"{told.nameless:,} rows cannot be read, so {gone:,} names may be missing for that alone"
    return ""


def _require_enough(work: DocumentWork, names: int) -> None:
    least = work.register.guard.min_entries
    if work.parsed.whole and names < least:
        message = f"the list of the register {work.register.id} has {names:,} entries, fewer than {least:,}"
        raise ConflictError(message, "all blocks stay; ask the authority (registers: guard.min_entries)")


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the items of a list's document. Their numbers are given afterwards."""

    work: DocumentWork
    deadlines: Deadlines
    now: float

    def all_refused(
        self, told: DocumentWord, before: set[str], known: Mapping[str, EntryDate]
    ) -> list[RegisterItem]:
        """The items that change nothing now: removals to come that are new, rows that are older than what is
        known and would change something, rows that cannot be read."""
        ahead = [
            self.ahead(each)
            for name, each in told.ahead.items()
            if known.get(name, EntryDate()).opens_at != each.item.at
        ]
        stale = [e for e in told.stale if (e.value in before) is (e.item.act is ItemAct.UNBLOCK)]
        return ahead + [self.refused(each) for each in (*stale, *told.refused)]

    def ahead(self, judged: JudgedItem) -> RegisterItem:
        """A removal whose time is still to come: noted, and done then."""
        item = self.refused(judged)
        return replace(item, answer=ItemAnswer.PROCESSED, due_at=judged.item.at, detail=AHEAD)

    def block(self, judged: JudgedItem) -> RegisterItem:
        """A name that is new."""
        item = judged.item
        start = item.at or self.work.run.received_at
        due_at = self.deadlines.due(ItemAct.BLOCK, start)
        return RegisterItem(0, ItemAct.BLOCK, judged.value, item.line, item.place, due_at)

    def unblock(self, name: str) -> RegisterItem:
        """A name that is gone."""
        due_at = self.deadlines.due(ItemAct.UNBLOCK, self.work.run.received_at)
        return RegisterItem(0, ItemAct.UNBLOCK, name, due_at=due_at)

    def full(self, judged: JudgedItem) -> RegisterItem:
        """A name that is new and for which there is no room."""
        return self.refused(judged.refused(ItemReason.OVER_CAPACITY, FULL))

    def people_decide(self, judged: JudgedItem, why: str) -> RegisterItem:
        """A name that is new and that a machine does not block."""
        return self.refused(judged.refused(ItemReason.PROTECTED, why))

    def refused(self, judged: JudgedItem) -> RegisterItem:
        """An item that is refused by itself."""
        item = judged.item
        return RegisterItem(
            number=0,
            act=item.act,
            value=judged.value,
            line=item.line,
            place=item.place,
            answer=ItemAnswer.UNPROCESSED,
            reason=judged.reason,
            detail=judged.detail,
            answered_at=self.now,
        )
