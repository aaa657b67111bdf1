"""A document becomes an order: one for each document number, in force within a second.

All of it is one transaction: the order, the orders that it ends, its row and the answers to its items.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.parsed import ParsedDocument, ParsedItem
from filterd.model.order import Order
from filterd.model.register import ItemAct, ItemAnswer, RegisterItem, RegisterRun
from filterd.model.rule import Scope
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.orders import adopted_intake
from filterd.operations.orders.guards import Guards, guards
from filterd.operations.orders.intake import MAX_ENTRIES, OrderRequest
from filterd.operations.registers import adopting, auditing, capacity, unblocking
from filterd.operations.registers.capacity import ADDRESSES, NAMES
from filterd.operations.registers.deadlines import Deadlines
from filterd.operations.registers.items import CapacityLeft, JudgedItem, fitted, judge_blocks, read_item
from filterd.store import registers as rows
from filterd.store.store import Write


@dataclass(frozen=True, slots=True)
class DocumentWork:
    """A document that is being taken in."""

    register: RegisterSettings
    parsed: ParsedDocument
    run: RegisterRun
    """without its number"""
    numbered: bool = True
    """it has a number of its own"""


async def judged_document(context: Context, work: DocumentWork) -> tuple[Guards, list[JudgedItem]]:
    """Every item of a document, judged by all but the room. Raises OperationError where the guards cannot be
    read: one that has unblocks alone goes through."""
    register = work.register
    guarding = await asyncio.to_thread(guards, context)
    doubts = (*guarding.unprotected, *guarding.unread)
    if doubts and any(each.act is ItemAct.BLOCK for each in work.parsed.items):
        problem = doubts[0]
        message = f"it is not known what is protected, so nothing of {register.id} is taken: {problem}"
        raise OperationError(message, "mend that file (filterd doctor); the document may come again")
    blocks = sum(each.act is ItemAct.BLOCK for each in work.parsed.items)
    if blocks > MAX_ENTRIES:
        message = f"the document has {blocks:,} entries, more than the {MAX_ENTRIES:,} of one order"
        raise OperationError(message, "split it into several documents, or make the register a list")

    return guarding, await _judged(context, register, work.parsed.items, guarding)


async def judged_items(
    context: Context, register: RegisterSettings, items: Sequence[ParsedItem]
) -> list[JudgedItem]:
    """These items, judged by all but the room. Where the guards cannot be read whole, none passes."""
    guarding = await asyncio.to_thread(guards, context)
    if guarding.unprotected or guarding.unread:
        return []
    return await _judged(context, register, items, guarding)


async def _judged(
    context: Context, register: RegisterSettings, items: Sequence[ParsedItem], guarding: Guards
) -> list[JudgedItem]:
    def judge() -> list[JudgedItem]:
        read = [read_item(each, register, context.settings) for each in items]
        return judge_blocks(read, register, guarding)

    return await asyncio.to_thread(judge)


async def room_of(
    context: Context, register: RegisterSettings, connection: AsyncConnection | None = None
) -> CapacityLeft:
    """How many more names and addresses the authority of a register may have; ``connection``: as a write
    sees it."""
    uses = await capacity.capacity(context, connection)
    found = {each.kind: each.room for each in uses if _same(each, register)}
    return CapacityLeft(found.get(NAMES), found.get(ADDRESSES))


def _same(use: capacity.CapacityUse, register: RegisterSettings) -> bool:
    return use.authority == register.authority


def answered(
    work: DocumentWork, judged: Sequence[JudgedItem], deadlines: Deadlines, now: float
) -> list[RegisterItem]:
    """The items with their answers, as if all that is taken were done now."""
    found = []
    for each in judged:
        refused = each.reason is not None
        item = RegisterItem(
            number=each.item.number,
            act=each.item.act,
            value="" if work.register.confidential else each.value,
            line=each.item.line,
            place=_place(work.register, each),
            due_at=deadlines.due(each.item.act, each.item.at or work.run.received_at),
            done_at=0.0 if refused else now,
            answer=ItemAnswer.UNPROCESSED if refused else ItemAnswer.PROCESSED,
            reason=each.reason,
            detail="" if work.register.confidential else each.detail,
            answered_at=now,
        )
        found.append(item)
    return found


def _place(register: RegisterSettings, judged: JudgedItem) -> str:
    """The number in the register. Cells may be swapped: of a confidential one only digits are shown."""
    place = judged.item.place
    return "" if register.confidential and not (place.isascii() and place.isdigit()) else place


async def take_document(
    context: Context, work: DocumentWork, guarding: Guards, judged: Sequence[JudgedItem]
) -> tuple[RegisterRun, list[RegisterItem]]:
    """Make the order, end what the document unblocks, and keep the answers, in one transaction."""
    deadlines = Deadlines(guarding.country, work.register)
    async with context.store.write(context.actor, context.clock()) as write:
        if await rows.find(write.connection, work.register.id, work.run.document) is not None:
            message = f"the document {work.run.document} was taken in just now"
            raise ConflictError(message, "hand it in again: you get the answers that it got")
        adopted = await adopting.require_adopted(write.connection, work.register)
        judged = fitted(judged, await room_of(context, work.register, write.connection))
        order = await order_of(context, write, work, guarding, judged, adopted.people)
        names = [each for each in judged if each.reason is None and each.item.act is ItemAct.UNBLOCK]
        await unblocking.unblock(context, write, work, [each.value for each in names])
        items = answered(work, judged, deadlines, write.now)
        number = await rows.next_number(write.connection)
        run = replace(
            work.run,
            number=number,
            items=len(items),
            order=0 if order is None else order.number,
            first_order=0 if order is None else order.number,
            answered_at=write.now,
            next_at=write.now if work.register.answers_are_sent else 0.0,
        )
        await rows.add(write.connection, run, items)
        auditing.audit_take(write, run, items, order)
    return run, items


async def order_of(
    context: Context,
    write: Write,
    work: DocumentWork,
    guarding: Guards,
    judged: Sequence[JudgedItem],
    approvals: tuple[str, ...],
) -> Order | None:
    """Make the order of the blocks that are taken; None: there are none."""
    values = sorted({e.value for e in judged if e.reason is None and e.item.act is ItemAct.BLOCK})
    if not values:
        return None
    request = order_request(work, values)
    return await adopted_intake.add_adopted(context, write, request, guarding, approvals)


def order_request(work: DocumentWork, values: Sequence[str]) -> OrderRequest:
    """The order of these entries of a document."""
    register, run = work.register, work.run
    return OrderRequest(
        authority=register.authority,
        official=work.parsed.official or register.official,
        document=run.given,
        ground=register.ground,
        reason=f"register {register.id}",
        entries=tuple((each, Scope.SUBTREE) for each in values),
        mode=register.mode,
        received_at=int(run.received_at),
        document_digest=run.digest,
        confidential=register.confidential,
        accept_overblocking=register.overblocking,
        law=register.law,
    )
