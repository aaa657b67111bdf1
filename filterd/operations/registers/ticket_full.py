"""Holds the full lists of a platform of tickets against what is blocked here.

What is missing is taken in, nothing is lifted: a list that broke off looks like one that became shorter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.parsed import ParsedItem
from filterd.feed.registers.ticket_messages import Ticket, TicketKind
from filterd.feed.registers.ticket_plan import FullComparison, compare
from filterd.model.register import ItemReason, RunOrigin
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.orders.intake import MAX_ENTRIES
from filterd.operations.registers.documents import judged_items, room_of
from filterd.operations.registers.handed import Handed
from filterd.operations.registers.items import CapacityLeft, read_item
from filterd.operations.registers.taking import take
from filterd.operations.registers.ticket_visits import (
    ADDRESSES,
    NAMES,
    Questions,
    TicketMemory,
    asked_tickets,
    document_of,
    is_taken_back,
    vouched,
)
from filterd.operations.registers.unblocking import ending_reason
from filterd.store import ticket_rows as rows

FULL_TEXT = "/api/v1/{kind}/get/all/txt"


async def reconcile(
    context: Context, register: RegisterSettings, platform: Questions, memory: TicketMemory
) -> FullComparison:
    """Hold the full lists against what is blocked here: take what is missing, in documents of as many entries
    as an order holds; note what is absent, and what a cancelled ticket left open; lift nothing. Raises as
    :func:`comparison`, and OperationError once every document was tried."""
    found = await comparison(context, register, platform)
    memory.absent, memory.left_open = found.absent, found.left_open
    memory.compared_at = context.clock()
    memory.taken_back = set(found.taken_back)
    at = int(context.clock())
    troubles = []
    for start in range(0, len(found.missing), MAX_ENTRIES):
        number = f"full-{at}-{start // MAX_ENTRIES + 1}"
        content = document_of(number, found.missing[start : start + MAX_ENTRIES])
        try:
            await take(context, register.id, Handed(content, RunOrigin.PULL))
        except OperationError as error:
            troubles.append(error)
    if troubles:
        raise troubles[0]
    return found


@dataclass(frozen=True, slots=True)
class _BothSides:
    """The platform's word and ours, of one moment."""

    full: Sequence[str]
    """lines"""
    tickets: Sequence[Ticket]
    states: Mapping[str, rows.EntryState]
    known: Mapping[str, rows.TakenTicket]
    opened: Mapping[str, set[str]]
    """cancelled unblock -> what the orders had that it ended"""
    room: CapacityLeft
    unprotected: frozenset[str]
    """what was refused for protection, and is protected no more"""


async def comparison(context: Context, register: RegisterSettings, platform: Questions) -> FullComparison:
    """The full lists against what is blocked here. What a person unblocked, what was refused, and the entries
    of tickets that wait or were cancelled, are not missing; what a cancelled ticket unblocked is. Raises
    FetchError, TicketMessageError and ControlFileError."""
    full: list[str] = []
    for kind in (NAMES, ADDRESSES):
        full += await vouched(platform, FULL_TEXT.format(kind=kind))
    tickets = (
        await asked_tickets(platform)
    ).tickets  # after the lists: the ticket of each line is among them
    async with context.store.read() as connection:
        states = await rows.entry_states(connection, register.id)
        known = await rows.taken_tickets(connection, register.id)
        back = [each.id for each in tickets if is_taken_back(each, known)]
        opened = await rows.opened_by(connection, ending_reason(register.id), back)
    room = CapacityLeft()
    if any(each.reason is ItemReason.OVER_CAPACITY for each in states.values()):
        room = await room_of(context, register)
    unprotected = await _unprotected(context, register, states)
    sides = _BothSides(full, tickets, states, known, opened, room, unprotected)
    return await asyncio.to_thread(_compared, context, register, sides)


async def _unprotected(
    context: Context, register: RegisterSettings, states: Mapping[str, rows.EntryState]
) -> frozenset[str]:
    kept = [
        each for each, state in states.items() if not state.blocked and state.reason is ItemReason.PROTECTED
    ]
    if not kept:
        return frozenset()
    items = tuple(ParsedItem(number, each) for number, each in enumerate(kept, 1))
    judged = await judged_items(context, register, items)
    return frozenset(kept[each.item.number - 1] for each in judged if each.reason is None)


def _compared(context: Context, register: RegisterSettings, sides: _BothSides) -> FullComparison:
    def values(entries: Iterable[str]) -> set[str]:
        """The entries as the store has them."""
        return {read_item(ParsedItem(1, each), register, context.settings).value for each in entries}

    again, standing, barred = set[str](), set[str](), set[str]()
    for each in sides.tickets:
        waits = each.id not in sides.known and not each.cancelled
        if is_taken_back(each, sides.known):
            again |= _opened(sides, each)
        elif waits or (each.cancelled and each.kind is TicketKind.BLOCK):
            barred |= values(each.entries)
        elif each.kind is TicketKind.BLOCK:
            standing |= values(each.entries)
    ours = {each for each, state in sides.states.items() if state.blocked}
    decided = {each for each, state in sides.states.items() if not _comes_again(each, state, sides)}
    full = values(sides.full)
    found = compare(ours, full | (standing & ours), (decided - again) | barred)
    back = tuple(each.id for each in sides.tickets if is_taken_back(each, sides.known))
    return replace(found, left_open=tuple(sorted(again - full - barred)), taken_back=back)


def _opened(sides: _BothSides, ticket: Ticket) -> set[str]:
    """The entries that a cancelled unblock, as it was taken, opened, and on which nothing else decided:
    neither a person before it nor a document after it."""
    run, opened = sides.known[ticket.id].run, sides.opened[ticket.id]
    said = {each: state for each, state in sides.states.items() if state.run == run and not state.blocked}
    return {each for each, state in said.items() if each in opened or not state.ever}


def _comes_again(value: str, state: rows.EntryState, sides: _BothSides) -> bool:
    """True for an entry that a full list brings in again: there was no room for it, and now there is; or it
    was protected, and is no more."""
    if value in sides.unprotected:
        return True
    if state.blocked or state.reason is not ItemReason.OVER_CAPACITY:
        return False
    left = sides.room.addresses if input_values.is_address(value) else sides.room.names
    return left is None or left > 0
