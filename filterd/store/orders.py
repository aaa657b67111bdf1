"""Statements about orders, their demands, and their approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.blocking_mode import BlockingMode
from filterd.model.order import Demand, Order, OrderState
from filterd.model.rule import Scope
from filterd.store.tables import lost_order, order_address, order_approval, order_name, orders


async def add(connection: AsyncConnection, order: Order) -> None:
    """Add an order with its demand and approvals."""
    demand = order.demand
    await connection.execute(
        insert(orders).values(
            number=order.number,
            reference=order.reference,
            state=order.state.value,
            authority=demand.authority,
            official=demand.official,
            document=demand.document,
            document_digest=demand.document_digest,
            ground=demand.ground,
            reason=order.reason,
            mode=int(demand.mode),
            not_before=demand.not_before,
            not_after=demand.not_after,
            review_at=demand.review_at,
            confidential=demand.confidential,
            overblocking_accepted=demand.overblocking_accepted,
            received_at=demand.received_at,
            added_by=order.added_by,
            added_at=order.added_at,
            accepted_at=order.accepted_at,
            withdrawn_by=order.withdrawn_by,
            withdrawn_at=order.withdrawn_at,
            withdrawal_reason=order.withdrawal_reason,
        )
    )
    await _add_rows(
        connection,
        order_name,
        [{"order_number": order.number, "name": n, "scope": int(s)} for n, s in demand.names],
    )
    await _add_rows(
        connection, order_address, [{"order_number": order.number, "prefix": p} for p in demand.addresses]
    )
    for actor in order.approvals:
        await approve(connection, order.number, actor, order.added_at)


async def _add_rows(connection: AsyncConnection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(table), rows)


async def approve(connection: AsyncConnection, number: int, actor: str, at: float) -> None:
    """Add a person's approval of an order; nobody may approve twice."""
    await connection.execute(insert(order_approval).values(order_number=number, actor=actor, at=at))


async def set_state(connection: AsyncConnection, order: Order) -> None:
    """Update the decisions on an order: state, acceptance, withdrawal. The demand never changes."""
    await connection.execute(
        update(orders)
        .where(orders.c.number == order.number)
        .values(
            state=order.state.value,
            accepted_at=order.accepted_at,
            withdrawn_by=order.withdrawn_by,
            withdrawn_at=order.withdrawn_at,
            withdrawal_reason=order.withdrawal_reason,
        )
    )


async def find(connection: AsyncConnection, reference: str) -> Order | None:
    """The whole order with this reference; None: there is none."""
    row = (await connection.execute(select(orders).where(orders.c.reference == reference))).one_or_none()
    if row is None:
        return None
    names = await connection.execute(
        select(order_name).where(order_name.c.order_number == row.number).order_by(order_name.c.name)
    )
    prefixes = await connection.execute(
        select(order_address.c.prefix)
        .where(order_address.c.order_number == row.number)
        .order_by(order_address.c.prefix)
    )
    found = _order(
        row,
        names=tuple((each.name, Scope(each.scope)) for each in names),
        addresses=tuple(prefixes.scalars()),
    )
    return (await _with_approvals(connection, [found]))[0]


async def list_orders(connection: AsyncConnection, state: OrderState | None = None) -> list[Order]:
    """The orders by number, without their names and addresses (``entries`` counts those)."""
    query = select(orders).order_by(orders.c.number)
    if state is not None:
        query = query.where(orders.c.state == state.value)
    rows = (await connection.execute(query)).all()
    counts: dict[int, int] = {}
    for table in (order_name, order_address):
        grouped = select(table.c.order_number, func.count()).group_by(table.c.order_number)
        for number, count in await connection.execute(grouped):
            counts[number] = counts.get(number, 0) + count
    found = [_order(row, entries=counts.get(row.number, 0)) for row in rows]
    return await _with_approvals(connection, found)


async def count(connection: AsyncConnection) -> dict[str, int]:
    """The number of orders in each state."""
    found = await connection.execute(select(orders.c.state, func.count()).group_by(orders.c.state))
    counts = dict.fromkeys((state.value for state in OrderState), 0)
    for state, number in found:
        counts[state] = number
    return counts


async def _with_approvals(connection: AsyncConnection, found: Sequence[Order]) -> list[Order]:
    """Add the approvals to the orders; the person who added an order comes first in any case."""
    behind: dict[int, list[str]] = {}
    for row in await connection.execute(select(order_approval).order_by(order_approval.c.at)):
        behind.setdefault(row.order_number, []).append(row.actor)
    return [
        replace(order, approvals=tuple(dict.fromkeys((order.added_by, *behind.get(order.number, ())))))
        for order in found
    ]


async def add_lost(connection: AsyncConnection, number: int, reference: str, at: float) -> bool:
    """Note the end of an order that this store does not have. False where that was noted before."""
    known = select(lost_order.c.number).where(lost_order.c.number == number)
    if (await connection.execute(known)).first() is not None:
        return False
    await connection.execute(insert(lost_order).values(number=number, reference=reference, ended_at=at))
    return True


def _order(
    row: Any,
    *,
    names: tuple[tuple[str, Scope], ...] = (),
    addresses: tuple[str, ...] = (),
    entries: int | None = None,
) -> Order:
    demand = Demand(
        authority=row.authority,
        official=row.official,
        document=row.document,
        ground=row.ground,
        names=names,
        addresses=addresses,
        mode=BlockingMode(row.mode),
        not_before=row.not_before,
        not_after=row.not_after,
        review_at=row.review_at,
        received_at=row.received_at,
        document_digest=row.document_digest,
        confidential=row.confidential,
        overblocking_accepted=row.overblocking_accepted,
    )
    return Order(
        number=row.number,
        reference=row.reference,
        state=OrderState(row.state),
        demand=demand,
        reason=row.reason,
        added_by=row.added_by,
        added_at=row.added_at,
        entries=len(names) + len(addresses) if entries is None else entries,
        accepted_at=row.accepted_at,
        withdrawn_by=row.withdrawn_by,
        withdrawn_at=row.withdrawn_at,
        withdrawal_reason=row.withdrawal_reason,
    )
