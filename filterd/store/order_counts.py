"""Counts of the entries of orders."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import ENDED, OFF_NODES, OrderState
from filterd.store.tables import order_address, order_name, orders, sealed_order

_OPEN = tuple(each.value for each in OrderState if each not in ENDED | OFF_NODES)


async def open_entries(connection: AsyncConnection) -> list[tuple[str, int, int]]:
    """Authority, names and addresses of the orders that nobody ended. The entries of a confidential order
    count as names."""
    open_ones = orders.c.state.in_(_OPEN)
    names = (
        select(orders.c.authority, func.count())
        .join(order_name, order_name.c.order_number == orders.c.number)
        .where(open_ones)
        .group_by(orders.c.authority)
    )
    addresses = (
        select(orders.c.authority, func.count())
        .join(order_address, order_address.c.order_number == orders.c.number)
        .where(open_ones)
        .group_by(orders.c.authority)
    )
    hidden = (
        select(orders.c.authority, func.sum(sealed_order.c.entries))
        .join(sealed_order, sealed_order.c.order_number == orders.c.number)
        .where(open_ones)
        .group_by(orders.c.authority)
    )
    found = [(row[0], int(row[1]), 0) for row in await connection.execute(names)]
    found += [(row[0], 0, int(row[1])) for row in await connection.execute(addresses)]
    return found + [(row[0], int(row[1]), 0) for row in await connection.execute(hidden)]
