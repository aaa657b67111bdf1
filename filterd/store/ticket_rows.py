"""Statements about a register of tickets: which were taken, which are lifted, and the state of each entry."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import ENDED
from filterd.model.register import ItemAct, ItemAnswer, ItemReason
from filterd.store.register_tables import register_item, register_run
from filterd.store.tables import orders

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
        holds = row.answer == ItemAnswer.PROCESSED.value and row.state is not None and row.state not in _OVER
        blocked = row.act == ItemAct.BLOCK.value and (holds or before.blocked)
        found[row.value] = EntryState(blocked, ItemReason(row.reason) if row.reason else None)
    return found
