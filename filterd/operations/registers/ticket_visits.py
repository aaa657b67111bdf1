"""Visits a platform of tickets: takes those that are ripe, lifts cancelled ones, compares full lists.

A ticket is taken once its text, under the digest that the platform gives, says the same as the ticket; one
that does not is told and asked for again with the next visit. Each ticket is a document of its own, so that a
visit that breaks off repeats nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.control_file import ControlFileError, read_control, require_sound
from filterd.feed.registers.parsed import ParsedItem
from filterd.feed.registers.ticket_messages import (
    Ticket,
    TicketKind,
    TicketMessageError,
    Tickets,
    differs,
    read_digest,
    read_tickets,
)
from filterd.feed.registers.ticket_plan import FullComparison, TicketPlan, compare, plan
from filterd.fetch.known_login import KnownLogin
from filterd.model.register import ItemAct, ItemReason, RunOrigin
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.orders.adopted_intake import lift_adopted
from filterd.operations.orders.finding import require
from filterd.operations.registers import adopting
from filterd.operations.registers.documents import judged_items, room_of
from filterd.operations.registers.finding import register_subject
from filterd.operations.registers.handed import Handed
from filterd.operations.registers.items import read_item
from filterd.operations.registers.taking import take
from filterd.store import ticket_rows as rows

TICKETS = "/api/v1/ticket/get/all"
TICKET_TEXT = "/api/v1/ticket/get/{kind}/txt"
FULL_TEXT = "/api/v1/{kind}/get/all/txt"
CHECKSUM = "/checksum"
NAMES, ADDRESSES = "fqdn", "ipv4"
MAX_FULL = 200_000
"""lines of a full list"""


class Questions(Protocol):
    """The questions that a platform answers. Raises FetchError."""

    async def get(self, path: str, body: dict[str, str] | None = None) -> bytes:
        """The answer."""


@dataclass(slots=True)
class TicketMemory:
    """The memory of a process, of a register of tickets, from one visit to the next."""

    login: KnownLogin = field(default_factory=KnownLogin)
    first_seen: dict[str, float] = field(default_factory=dict)
    compared_at: float = 0.0
    """when the full lists were held against ours, Unix seconds"""
    absent: tuple[str, ...] = ()
    """entries that are blocked here and were in no full list then"""
    replied: set[tuple[int, int]] = field(default_factory=set)
    """run and number of items whose reply was taken, of runs whose replies are not all taken yet"""
    told: frozenset[str] = frozenset()
    """what the platform was told to be protected here"""


@dataclass(slots=True)
class TicketVisit:
    """The outcome of one visit."""

    taken: list[str] = field(default_factory=list)
    """ids of tickets"""
    waiting: int = 0
    """tickets that can still be cancelled"""
    lifted: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    """cancelled before they were taken"""
    problems: list[str] = field(default_factory=list)
    """of single tickets: each is asked for again"""
    next_at: float = 0.0
    """when the first of those that wait can be taken"""


async def visit(
    context: Context,
    register: RegisterSettings,
    platform: Questions,
    memory: TicketMemory,
    *,
    dry_run: bool = False,
) -> TicketVisit:
    """Do what the tickets of this moment ask for, or with ``dry_run`` say it alone. Raises FetchError,
    TicketMessageError where the platform's answer is none, and OperationError where nothing can be taken,
    such as before the adoption."""
    async with context.store.read() as connection:
        if not dry_run:
            await adopting.require_adopted(connection, register)
        known = await rows.taken_tickets(connection, register.id)
    answer = read_tickets(await platform.get(TICKETS))
    planned = _planned(context, register, answer, known, memory)
    done = TicketVisit(waiting=len(planned.waiting), next_at=planned.next_at)
    done.never = [each.id for each in planned.never]
    done.problems += [f"ticket {each.id or each.place}: {each.because}" for each in answer.wrong]
    done.problems += _changed(answer, known)
    if dry_run:
        done.taken, done.lifted = [each.id for each in planned.take], [each.id for each in planned.lift]
        return done
    for ticket in planned.lift:  # first: nobody waits for an unblock
        await _lift(context, register, ticket, known[ticket.id].order)
        done.lifted.append(ticket.id)
    for ticket in planned.take:
        try:
            await _require_vouched(platform, ticket)
            received = min(ticket.made_at, context.clock())
            await take(context, register.id, Handed(_content(ticket), RunOrigin.PULL, received_at=received))
        except (ControlFileError, TicketMessageError, OperationError) as error:
            done.problems.append(f"ticket {ticket.id}: {error}")
            continue
        done.taken.append(ticket.id)
    return done


def _planned(
    context: Context,
    register: RegisterSettings,
    answer: Tickets,
    known: Mapping[str, rows.TakenTicket],
    memory: TicketMemory,
) -> TicketPlan:
    now = context.clock()
    seen = memory.first_seen
    memory.first_seen = {each.id: seen.get(each.id, now) for each in answer.tickets}
    over = {each for each, found in known.items() if found.ended or not found.order}
    hold = register.platform.hold if register.platform else 0.0
    return plan(answer.tickets, known, over, memory.first_seen, now, hold)


async def _require_vouched(platform: Questions, ticket: Ticket) -> None:
    """Refuse a ticket whose texts are not those that the platform's digests are of, or say something else."""
    for kind, entries in ((NAMES, ticket.names), (ADDRESSES, ticket.addresses)):
        if not entries:
            continue
        lines = await _vouched(platform, TICKET_TEXT.format(kind=kind), {"ticket_id": ticket.id})
        if differs(entries, lines, broken=bool(ticket.broken)):
            message = f"its text of {kind} has other entries than the ticket itself"
            raise TicketMessageError(message)


async def _vouched(platform: Questions, path: str, body: dict[str, str] | None = None) -> list[str]:
    """The lines of a text whose digest fits."""
    control = read_control(read_digest(await platform.get(path + CHECKSUM, body)))
    content = await platform.get(path, body)
    require_sound(content, control)
    lines = [each.strip() for each in content.decode("utf-8", "replace").splitlines() if each.strip()]
    if len(lines) > MAX_FULL:
        message = f"the text has more than {MAX_FULL} lines"
        raise TicketMessageError(message)
    return lines


def _content(ticket: Ticket) -> bytes:
    """The document of a ticket, in the form in which the register's reader takes it: always the same bytes
    for the same ticket."""
    act = ItemAct.UNBLOCK if ticket.kind is TicketKind.UNBLOCK else ItemAct.BLOCK
    return _document(ticket.id, ticket.entries, act)


def _document(number: str, entries: Sequence[str], act: ItemAct = ItemAct.BLOCK) -> bytes:
    items = [{"action": act.value, "entry": each} for each in entries]
    return json.dumps({"document": number, "items": items}, ensure_ascii=False).encode()


def _changed(answer: Tickets, known: Mapping[str, rows.TakenTicket]) -> list[str]:
    """Tickets that say something else than when they were taken: only what they said then is done."""
    return [
        f"ticket {each.id}: it has other entries than when it was taken; ask the platform for a new ticket"
        for each in answer.tickets
        if each.id in known and known[each.id].digest != hashlib.sha256(_content(each)).hexdigest()
    ]


async def _lift(context: Context, register: RegisterSettings, ticket: Ticket, number: int) -> None:
    """End the order of a ticket that its sender took back; what another ticket demands too stays blocked."""
    reason = f"register {register.id}: the ticket was cancelled"
    async with context.store.write(context.actor, context.clock()) as write:
        order = await require(write.connection, f"O-{number}")
        await lift_adopted(context, write, order, document=ticket.id, received_at=write.now, reason=reason)
        after = {"document": ticket.id, "order": order.reference}
        write.audit("register.cancel", register_subject(register.id), reason=reason, after=after)


async def reconcile(
    context: Context, register: RegisterSettings, platform: Questions, memory: TicketMemory
) -> FullComparison:
    """Hold the full lists against what is blocked here: take what is missing, note what is absent, and lift
    nothing. Raises as :func:`comparison`, and OperationError."""
    found = await comparison(context, register, platform)
    memory.absent, memory.compared_at = found.absent, context.clock()
    if found.missing:
        number = f"full-{int(context.clock())}"
        await take(context, register.id, Handed(_document(number, found.missing), RunOrigin.PULL))
    return found


async def comparison(context: Context, register: RegisterSettings, platform: Questions) -> FullComparison:
    """The full lists against what is blocked here. What a person unblocked, what was refused, and the entries
    of tickets that wait or were cancelled, are not missing. Raises FetchError, TicketMessageError and
    ControlFileError."""
    answer = read_tickets(await platform.get(TICKETS))
    full = {
        _value(context, register, each)
        for kind in (NAMES, ADDRESSES)
        for each in await _vouched(platform, FULL_TEXT.format(kind=kind))
    }
    async with context.store.read() as connection:
        states = await rows.entry_states(connection, register.id)
        known = await rows.taken_tickets(connection, register.id)
    ours = {each for each, state in states.items() if state.blocked}
    wanted = {each: state.reason for each, state in states.items() if each in full and not state.blocked}
    beside = states.keys() - ours - await _again(context, register, wanted)
    standing = set[str]()
    for each in answer.tickets:
        values = {_value(context, register, entry) for entry in each.entries}
        if each.id not in known or each.cancelled:
            beside |= values
        elif each.kind is TicketKind.BLOCK:
            standing |= values
    return compare(ours, full | (standing & ours), beside)


async def _again(
    context: Context, register: RegisterSettings, wanted: Mapping[str, ItemReason | None]
) -> set[str]:
    """The entries that a full list brings in again: there was no room for them, and now there is, or they
    were protected, and are no more."""
    found = set[str]()
    full = {each for each, reason in wanted.items() if reason is ItemReason.OVER_CAPACITY}
    if full:
        room = await room_of(context, register)
        for each in full:
            left = room.addresses if input_values.is_address(each) else room.names
            found |= {each} if left is None or left > 0 else set()
    kept = [each for each, reason in wanted.items() if reason is ItemReason.PROTECTED]
    if kept:
        items = tuple(ParsedItem(number, each) for number, each in enumerate(kept, 1))
        judged = await judged_items(context, register, items)
        found |= {kept[each.item.number - 1] for each in judged if each.reason is None}
    return found


def _value(context: Context, register: RegisterSettings, entry: str) -> str:
    """The entry as the store has it."""
    return read_item(ParsedItem(1, entry), register, context.settings).value
