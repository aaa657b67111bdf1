"""Visits a platform of tickets: takes those that are ripe, and lifts cancelled ones.

A ticket is taken once its text, under the digest that the platform gives, says the same as the ticket; one
that does not is told and asked for again with the next visit. Each ticket is a document of its own, so that a
visit that breaks off repeats nothing. The trouble of one is told, and keeps no other one waiting.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.control_file import ControlFileError, read_control, require_sound
from filterd.feed.registers.ticket_messages import (
    Ticket,
    TicketKind,
    TicketMessageError,
    Tickets,
    differs,
    read_digest,
    read_tickets,
)
from filterd.feed.registers.ticket_plan import TicketPlan, plan
from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.known_login import KnownLogin
from filterd.model.register import ItemAct, RunOrigin
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.orders.adopted_intake import lift_adopted
from filterd.operations.orders.finding import require
from filterd.operations.registers import adopting
from filterd.operations.registers.finding import register_subject
from filterd.operations.registers.handed import Handed
from filterd.operations.registers.taking import take
from filterd.store import ticket_rows as rows
from filterd.store.errors import StoreError
from filterd.telemetry.log import fault_fields

TICKETS = "/api/v1/ticket/get/all"
TICKET_TEXT = "/api/v1/ticket/get/{kind}/txt"
CHECKSUM = "/checksum"
NAMES, ADDRESSES = "fqdn", "ipv4"
MAX_FULL = 200_000
"""lines of a full list"""
AWAY = 3
"""tickets one after the other whose texts do not come: then the others wait for the next visit"""
CHANGED = "it has other entries than when it was taken; ask the platform for a new ticket"
TAKEN_BACK = "it unblocked, and was cancelled since: what it opened is blocked again where a full list has it"
AGAIN = 50
"""tickets of earlier trouble that are tried again with one visit: new ones come meanwhile"""
_LITTLE = 16 << 10
"""bytes that are read on the spot; the event loop waits for no more"""


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
    written: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """the entries, as the platform wrote them, of tickets whose replies are not all taken yet, by id"""
    troubled: list[str] = field(default_factory=list)
    """ids of tickets that could not be taken, the last one last: they come after the others"""
    taken_back: set[str] = field(default_factory=set)
    """ids of cancelled unblocks that a comparison has seen"""
    trouble: str = ""
    """with the full lists, of the last comparison; empty: there was none"""
    left_open: tuple[str, ...] = ()
    """entries that such a ticket unblocked and no full list has"""
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
    taken_back: list[str] = field(default_factory=list)
    """unblocks that were cancelled after they were taken, and that no comparison has seen yet"""
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
    answer = await asked_tickets(platform)
    planned = _planned(context, register, answer, known, memory)
    done = TicketVisit(waiting=len(planned.waiting), next_at=planned.next_at)
    done.never = [each.id for each in planned.never]
    back = {each.id for each in answer.tickets if is_taken_back(each, known)}
    done.taken_back = sorted(back - memory.taken_back)
    done.problems += [f"ticket {each}: {TAKEN_BACK}" for each in done.taken_back]
    done.problems += [f"ticket {each.id or each.place}: {each.because}" for each in answer.wrong]
    done.problems += await asyncio.to_thread(_changed, answer, known)
    if dry_run:
        done.taken, done.lifted = [each.id for each in planned.take], [each.id for each in planned.lift]
        return done
    for ticket in planned.lift:  # first: nobody waits for an unblock
        if await _trouble(done, ticket, _lift(context, register, ticket, known[ticket.id].order)) is None:
            done.lifted.append(ticket.id)
    await _take_ripe(context, register, platform, memory, planned.take, done)
    await _unblock_late(context, register, answer.tickets, done)
    return done


async def asked_tickets(platform: Questions) -> Tickets:
    """All tickets that the platform has. Raises FetchError and TicketMessageError."""
    content = await platform.get(TICKETS)
    if len(content) <= _LITTLE:
        return read_tickets(content)
    return await asyncio.to_thread(read_tickets, content)


def is_taken_back(ticket: Ticket, known: Mapping[str, rows.TakenTicket]) -> bool:
    """True for an unblock that its sender took back after it was taken here."""
    return ticket.cancelled and ticket.kind is TicketKind.UNBLOCK and ticket.id in known


async def _take_ripe(
    context: Context,
    register: RegisterSettings,
    platform: Questions,
    memory: TicketMemory,
    ripe: Sequence[Ticket],
    done: TicketVisit,
) -> None:
    """Take tickets: those of earlier trouble last, of them the one that waits longest first. Where the
    platform gives several texts not, it is asked for no more: a login that is refused too often is locked."""
    by_id = {each.id: each for each in ripe}
    memory.troubled = [each for each in memory.troubled if each in by_id]
    before = set(memory.troubled)
    queue = [each for each in ripe if each.id not in before]
    queue += [by_id[each] for each in memory.troubled[:AGAIN]]
    away, left = 0, len(ripe)
    for ticket in queue:
        if away == AWAY:
            break
        left -= 1
        trouble = await _trouble(done, ticket, _take(context, register, platform, memory, ticket))
        if ticket.id in before:
            memory.troubled.remove(ticket.id)
        if trouble is None:
            done.taken.append(ticket.id)
        else:
            memory.troubled.append(ticket.id)
        away = away + 1 if _is_away(trouble) else 0
    if left:
        done.problems.append(f"{left} more tickets wait: the platform does not give their texts")


def _is_away(trouble: Exception | None) -> bool:
    """True for what is more likely the platform's trouble than one ticket's."""
    if not isinstance(trouble, FetchError):
        return False
    return trouble.failure.transient or trouble.failure is FetchFailure.LOGIN


async def _trouble(done: TicketVisit, ticket: Ticket, deed: Awaitable[None]) -> Exception | None:
    """Do something for one ticket; note and return why it could not be done, whatever that is: it is asked
    for again. Raises StoreError: then nothing can be done for any."""
    try:
        await deed
    except StoreError:
        raise
    except (ControlFileError, TicketMessageError, OperationError, FetchError) as error:
        done.problems.append(f"ticket {ticket.id}: {error}")
        return error
    except Exception as error:
        fault = " ".join(fault_fields(error).values())
        done.problems.append(f"ticket {ticket.id}: a fault of filterd itself, please report it: {fault}")
        return error
    return None


async def _unblock_late(
    context: Context, register: RegisterSettings, tickets: Sequence[Ticket], done: TicketVisit
) -> None:
    """Open what this visit blocked by a ticket that came late, and that a newer one, taken before it, had
    unblocked: the newest ticket on an entry counts."""
    if not done.taken:
        return
    newest: dict[str, Ticket] = {}
    standing = [each for each in tickets if not each.cancelled]
    for ticket in sorted(standing, key=lambda each: (each.made_at, each.kind is TicketKind.UNBLOCK)):
        newest.update(dict.fromkeys(map(str.casefold, ticket.entries), ticket))
    order = {identifier: at for at, identifier in enumerate(done.taken)}
    async with context.store.read() as connection:
        known = await rows.taken_tickets(connection, register.id)
    for ticket in (each for each in standing if each.id in order and each.kind is TicketKind.BLOCK):
        opened: dict[str, list[str]] = {}
        for entry in ticket.entries:
            last = newest[entry.casefold()]
            was_before = last.id in known and order.get(last.id, -1) < order[ticket.id]
            if last.kind is TicketKind.UNBLOCK and was_before:
                opened.setdefault(last.id, []).append(entry)
        for unblock, entries in opened.items():
            content = document_of(f"{unblock}+{ticket.id}", entries, ItemAct.UNBLOCK)
            await _trouble(done, ticket, _hand_in(context, register, content))


async def _hand_in(context: Context, register: RegisterSettings, content: bytes) -> None:
    await take(context, register.id, Handed(content, RunOrigin.PULL))


async def _take(
    context: Context, register: RegisterSettings, platform: Questions, memory: TicketMemory, ticket: Ticket
) -> None:
    await _require_vouched(platform, ticket)
    received = min(ticket.made_at, context.clock())
    await take(context, register.id, Handed(content_of(ticket), RunOrigin.PULL, received_at=received))
    if register.answers_are_sent:
        memory.written[ticket.id] = ticket.entries


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
        lines = await vouched(platform, TICKET_TEXT.format(kind=kind), {"ticket_id": ticket.id})
        if differs(entries, lines, broken=bool(ticket.broken)):
            message = f"its text of {kind} has other entries than the ticket itself"
            raise TicketMessageError(message)


async def vouched(platform: Questions, path: str, body: dict[str, str] | None = None) -> list[str]:
    """The lines of a text whose digest fits. Raises FetchError, ControlFileError and TicketMessageError."""
    control = read_control(read_digest(await platform.get(path + CHECKSUM, body)))
    content = await platform.get(path, body)

    def lines() -> list[str]:
        require_sound(content, control)
        return [each.strip() for each in content.decode("utf-8", "replace").splitlines() if each.strip()]

    found = lines() if len(content) <= _LITTLE else await asyncio.to_thread(lines)
    if len(found) > MAX_FULL:
        message = f"the text has more than {MAX_FULL} lines"
        raise TicketMessageError(message)
    return found


def content_of(ticket: Ticket) -> bytes:
    """The document of a ticket, in the form in which the register's reader takes it: always the same bytes
    for the same ticket."""
    act = ItemAct.UNBLOCK if ticket.kind is TicketKind.UNBLOCK else ItemAct.BLOCK
    return document_of(ticket.id, ticket.entries, act)


def is_as_taken(ticket: Ticket, digest: str) -> bool:
    """True where a ticket says what it said when the document of this digest was made of it."""
    return hashlib.sha256(content_of(ticket)).hexdigest() == digest


def document_of(number: str, entries: Sequence[str], act: ItemAct = ItemAct.BLOCK) -> bytes:
    """A document of entries that all demand the same, in JSON."""
    items = [{"action": act.value, "entry": each} for each in entries]
    return json.dumps({"document": number, "items": items}, ensure_ascii=False).encode()


def _changed(answer: Tickets, known: Mapping[str, rows.TakenTicket]) -> list[str]:
    """Tickets that say something else than when they were taken: only what they said then is done, and stays
    done. One that is cancelled and has no entries any more says nothing else."""
    return [
        f"ticket {each.id}: {CHANGED}"
        for each in answer.tickets
        if each.id in known
        and not is_as_taken(each, known[each.id].digest)
        and (each.entries or not each.cancelled)
    ]


async def _lift(context: Context, register: RegisterSettings, ticket: Ticket, number: int) -> None:
    """End the order of a ticket that its sender took back; what another ticket demands too stays blocked."""
    reason = f"register {register.id}: the ticket was cancelled"
    async with context.store.write(context.actor, context.clock()) as write:
        order = await require(write.connection, f"O-{number}")
        await lift_adopted(context, write, order, document=ticket.id, received_at=write.now, reason=reason)
        after = {"document": ticket.id, "order": order.reference}
        write.audit("register.cancel", register_subject(register.id), reason=reason, after=after)
