"""The people behind orders: emergency ends that nobody looked at, and one human behind two approvals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from filterd.model.order import ENDED_BY_PEOPLE, Order
from filterd.operations.context import Context
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.orders import reviewing, showing
from filterd.store.errors import StoreError

SHOWN = 8
"""orders that one finding names"""


def check(case: Case) -> Iterator[Finding]:
    """Look at every order. What keeps the store from being read, ``store`` says."""
    try:
        late, same = asyncio.run(_read(case))
    except StoreError:
        return
    if late:
        yield found("people.emergency", count=len(late), orders=_named(late))
    if same:
        yield found("people.same", count=len(same), orders=_named(same))


async def _read(case: Case) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
    async with reading.opened(case) as context:
        orders = await showing.list_orders(context)
        same = tuple(each for each in orders if _one_human(context, each))
        return reviewing.overdue(orders, context.clock()), same


def _one_human(context: Context, order: Order) -> bool:
    """True for an order that is not over, and that two accounts of one person approved."""
    people = {context.person_of(each) for each in order.approvals}
    return order.state not in ENDED_BY_PEOPLE and len(people) < len(order.approvals)


def _named(orders: Iterable[Order]) -> str:
    every = [each.reference for each in orders]
    more = f" (+{len(every) - SHOWN})" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more
