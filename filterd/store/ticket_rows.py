"""Statements about a register of tickets: which were taken, which are lifted, and the state of each entry."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import ENDED, StepKind
from filterd.model.register import ItemAct, ItemAnswer, ItemReason
from filterd.store.register_tables import register_item, register_run
from filterd.store.tables import order_address, order_name, order_step, orders

_OVER = frozenset(each.value for each in ENDED)


@dataclass(frozen=True, slots=True)
class TakenTicket:
    """A ticket that was taken in."""

    run: int
    digest: str
    """SHA-256 of its document"""
    order: int
    """the number of its order; 0: nothing of it was blocked"""
    ended: bool
    """its order is over"""


@dataclass(frozen=True, slots=True)
class EntryState:
    """One entry of a register: whether an order of it blocks the entry, and why the last item did not."""

    blocked: bool
    reason: ItemReason | None = None
    run: int = 0
    """the document that said something of it last"""
    ever: bool = False
    """it was blocked once"""


async def taken_tickets(connection: AsyncConnection, register: str) -> dict[str, TakenTicket]:
    """The tickets of a register by id."""
    query = (
        select(
            register_run.c.document,
            register_run.c.number,
            register_run.c.digest,
            register_run.c.order_number,
            orders.c.state,
        )
        .select_from(register_run.outerjoin(orders, orders.c.number == register_run.c.order_number))
        .where(register_run.c.register == register)
    )
    return {
        row.document: TakenTicket(row.number, row.digest, row.order_number, row.state in _OVER)
        for row in await connection.execute(query)
    }


async def entry_states(connection: AsyncConnection, register: str) -> dict[str, EntryState]:
    """The entries that a register ever had, by value."""
    query = (
        select(
            register_item.c.run,
            register_item.c.value,
            register_item.c.act,
            register_item.c.answer,
            register_item.c.reason,
            orders.c.state,
        )
        .select_from(
            register_item.join(register_run, register_run.c.number == register_item.c.run).outerjoin(
                orders, orders.c.number == register_run.c.order_number
            )
        )
        .where(register_run.c.register == register)
        .order_by(register_item.c.run, register_item.c.number)
    )
    found: dict[str, EntryState] = {}
    for row in await connection.execute(query):
        before = found.get(row.value, EntryState(blocked=False))
        taken = row.answer == ItemAnswer.PROCESSED.value and row.act == ItemAct.BLOCK.value
        holds = taken and row.state is not None and row.state not in _OVER
        found[row.value] = EntryState(
            blocked=holds or (before.blocked and row.act == ItemAct.BLOCK.value),
            reason=ItemReason(row.reason) if row.reason else None,
            run=row.run,
            ever=before.ever or taken,
        )
    return found


async def opened_by(
    connection: AsyncConnection, reason: str, documents: Collection[str]
) -> dict[str, set[str]]:
    """The entries of the orders that documents ended, by document. ``reason``: that of the ending. Of an
    order that was continued with a part of its entries it is all that it had."""
    found: dict[str, set[str]] = {each: set() for each in documents}
    ended = (
        (order_step.c.kind == StepKind.LIFTED.value)
        & (order_step.c.reason == reason)
        & order_step.c.document.in_(list(documents))
    )
    query = union_all(
        *(
            select(order_step.c.document, column.label("value"))
            .select_from(order_step.join(table, table.c.order_number == order_step.c.order_number))
            .where(ended)
            for table, column in ((order_name, order_name.c.name), (order_address, order_address.c.prefix))
        )
    )
    for row in await connection.execute(query) if documents else ():
        found[row.document].add(row.value)
    return found
