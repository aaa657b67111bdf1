"""Takes up what a document was refused once the reason is gone: there is room, or it is protected no more.

The rest of the document never acts twice. What is taken up is a run and an order of its own, under the number
that the authority gave, and its answers follow those of then. Never taken up is what the register unblocked
since, nor anything of a document whose order was ended otherwise: its demand was taken back. Platforms of
tickets bring what they still demand with their full lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.parsed import ParsedDocument, ParsedItem
from filterd.model.order import ENDED
from filterd.model.register import (
    LONGEST_TAKEN_UP,
    ItemAct,
    ItemAnswer,
    ItemReason,
    RegisterItem,
    RegisterKind,
    RegisterRun,
    again_of,
)
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.orders.guards import Guards
from filterd.operations.registers import adopting, auditing, documents
from filterd.operations.registers.deadlines import Deadlines
from filterd.operations.registers.documents import DocumentWork
from filterd.operations.registers.handed import TakenDocument
from filterd.operations.registers.items import JudgedItem, fitted
from filterd.store import orders as order_rows
from filterd.store import registers as rows

REASONS = (ItemReason.OVER_CAPACITY, ItemReason.PROTECTED)
"""those that may go without the document being another one"""


@dataclass(frozen=True, slots=True)
class _Again:
    """A document that is held against what its items were answered."""

    work: DocumentWork
    first: RegisterRun
    guarding: Guards
    judged: Sequence[JudgedItem]


async def take_again(
    context: Context, work: DocumentWork, before: TakenDocument, *, dry_run: bool = False
) -> TakenDocument:
    """The answers to a document that comes again, with what is taken up of it; nothing is where the guards
    cannot be read, or the register is not adopted."""
    refused = {each.number for each in before.items if _may_go(each)}
    if not refused or not _is_followed(work.register, before.run):
        return before
    items = tuple(each for each in work.parsed.items if each.number in refused)
    part = replace(work, parsed=replace(work.parsed, items=items))
    try:
        guarding, judged = await documents.judged_document(context, part)
    except OperationError:
        return before
    again = _Again(part, before.run, guarding, judged)
    async with context.store.read() as connection:
        chosen = await _chosen(context, connection, again)
    if not chosen:
        return before
    if dry_run:
        now = context.clock()
        items_now = _answered(again, chosen, now)
        return replace(_merged(before, before.run, items_now), dry=True)
    done = await _take(context, again)
    return before if done is None else _merged(before, *done)


async def retake(context: Context, register: RegisterSettings) -> int:
    """Take up what the documents of a register were refused, from what is on record of them; return how many
    items. Raises OperationError where the guards cannot be read. Of a confidential register no entry is on
    record, and what people adopted anew since may be something else: both take the document itself."""
    if register.confidential or register.as_kind is RegisterKind.TICKETS:
        return 0
    async with context.store.read() as connection:
        adopted = await adopting.standing(connection, register)
        found = await rows.with_refusals(connection, register.id, REASONS)
        both = [(run, await rows.answers_now(connection, run)) for run in found if not run.again]
    count = 0
    for first, items in both:
        refused = [each for each in items if _may_go(each)]
        if not refused or adopted is None or adopted.adopted_at > first.answered_at:
            continue
        work = await _of_record(context, register, first, refused)
        guarding, judged = await documents.judged_document(context, work)
        done = await _take(context, _Again(work, first, guarding, judged))
        count += 0 if done is None else len(done[1])
        await asyncio.sleep(0)
    return count


def _may_go(item: RegisterItem) -> bool:
    """True for an item that was refused for a reason that may be gone."""
    return item.act is ItemAct.BLOCK and item.reason in REASONS


def _is_followed(register: RegisterSettings, first: RegisterRun) -> bool:
    return register.as_kind is not RegisterKind.TICKETS and len(first.document) <= LONGEST_TAKEN_UP


async def _of_record(
    context: Context, register: RegisterSettings, first: RegisterRun, refused: Sequence[RegisterItem]
) -> DocumentWork:
    """The part of a document that was refused, as the store has it."""
    official = ""
    if first.first_order:
        async with context.store.read() as connection:
            order = await order_rows.find(connection, f"O-{first.first_order}")
        official = "" if order is None else order.demand.official
    items = tuple(ParsedItem(e.number, e.value, e.act, e.line, e.place) for e in refused)
    return DocumentWork(register, ParsedDocument(items, first.document, official), first)


async def _chosen(context: Context, connection: AsyncConnection, again: _Again) -> list[JudgedItem]:
    """The items that can be taken up, as the connection sees it: still refused, passed by the guards, with
    room, and not taken back."""
    register, first = again.work.register, again.first
    if await adopting.standing(connection, register) is None:
        return []
    current = await rows.answers_now(connection, first)
    unblocked = await rows.unblocked_since(connection, register.id, first.number)
    if (unblocked and register.confidential) or await _taken_back(connection, first, unblocked):
        return []
    refused = {each.number for each in current if _may_go(each)}
    open_ones = [
        each
        for each in again.judged
        if each.item.number in refused and each.reason is None and each.value not in unblocked
    ]
    room = await documents.room_of(context, register, connection)
    return [each for each in fitted(open_ones, room) if each.reason is None]


async def _taken_back(connection: AsyncConnection, first: RegisterRun, unblocked: set[str]) -> bool:
    """True where an order of the document was ended otherwise than by unblocking its entries one by one."""
    for run in (first, *await rows.taken_up(connection, first)):
        order = await order_rows.find(connection, f"O-{run.order}") if run.order else None
        if order is None or order.state not in ENDED:
            continue
        for each in await rows.items(connection, run.number):
            done = each.act is ItemAct.BLOCK and each.answer is ItemAnswer.PROCESSED
            if done and each.value not in unblocked:
                return True
    return False


async def _take(context: Context, again: _Again) -> tuple[RegisterRun, list[RegisterItem]] | None:
    """Take up what can be, in one transaction; None: nothing can."""
    register, first = again.work.register, again.first
    async with context.store.write(context.actor, context.clock()) as write:
        chosen = await _chosen(context, write.connection, again)
        if not chosen:
            return None
        adopted = await adopting.require_adopted(write.connection, register)
        number = await rows.next_number(write.connection)
        run = replace(
            again.work.run,
            number=number,
            document=again_of(first.document, number),
            digest=first.digest,
            received_at=write.now,
            due_at=write.now + register.answer_within,
            actor=context.actor,
            items=len(chosen),
            order=0,
            first_order=0,
            answered_at=write.now,
            attempts=0,
            next_at=write.now if register.answers_are_sent else 0.0,
            delivered_at=0.0,
            trouble="",
        )
        work = replace(again.work, run=run)
        order = await documents.order_of(context, write, work, again.guarding, chosen, adopted.people)
        made = 0 if order is None else order.number
        run = replace(run, order=made, first_order=made)
        items = _answered(again, chosen, write.now)
        await rows.add(write.connection, run, items)
        auditing.audit_take(write, run, items, order, again_of=first.number)
    return run, items


def _answered(again: _Again, chosen: Sequence[JudgedItem], now: float) -> list[RegisterItem]:
    """The items with their new answers; their time to be in force begins anew."""
    register = again.work.register
    work = replace(again.work, run=replace(again.work.run, received_at=now))
    anew = [replace(each, item=replace(each.item, at=0.0)) for each in chosen]
    return documents.answered(work, anew, Deadlines(again.guarding.country, register), now)


def _merged(before: TakenDocument, run: RegisterRun, items: Sequence[RegisterItem]) -> TakenDocument:
    """All answers to the document, with the new ones."""
    found = {each.number: each for each in (*before.items, *items)}
    every = tuple(found[number] for number in sorted(found))
    return replace(before, run=run, items=every, repeated=False, again=len(items))
