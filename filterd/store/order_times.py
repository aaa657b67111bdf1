"""Statements about the effects of orders and their arrival on nodes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import Order
from filterd.model.order_times import EffectKind, NodeArrival, OrderEffect, ProbeState, new_effects
from filterd.store.order_time_tables import order_effect, order_node

OVERTAKEN = -1.0
"""in the place of the moment when an effect was everywhere"""
Place = tuple[int, int]
"""the number of an order, and that of its effect"""


async def plan(connection: AsyncConnection, order: Order, now: float, revision: int) -> None:
    """Note what a decision on an order makes of its effects; ``revision`` brings it to the nodes."""
    forgotten, added = new_effects(await of_order(connection, order.number), order, now, revision)
    for each in forgotten:
        for table in (order_node, order_effect):
            await connection.execute(
                delete(table).where(table.c.order_number == order.number, table.c.effect == each.effect)
            )
    for each in added:
        await add(connection, each)


async def add(connection: AsyncConnection, effect: OrderEffect) -> None:
    """Add an effect."""
    await connection.execute(insert(order_effect).values(**{**asdict(effect), "kind": effect.kind.value}))


async def of_order(connection: AsyncConnection, number: int) -> list[OrderEffect]:
    """The effects of an order, oldest first."""
    query = select(order_effect).where(order_effect.c.order_number == number).order_by(order_effect.c.effect)
    return [_effect(row) for row in await connection.execute(query)]


async def decided_with(connection: AsyncConnection, moment: float) -> int:
    """The newest revision of the effects that were decided at a moment (Unix seconds); 0: there are none."""
    query = select(func.max(order_effect.c.revision)).where(order_effect.c.decided_at == moment)
    return int((await connection.execute(query)).scalar() or 0)


async def arrivals(connection: AsyncConnection, number: int) -> list[NodeArrival]:
    """The arrivals of the effects of an order, by effect and node."""
    query = (
        select(order_node)
        .where(order_node.c.order_number == number)
        .order_by(order_node.c.effect, order_node.c.node)
    )
    return [_arrival(row) for row in await connection.execute(query)]


async def open_effects(connection: AsyncConnection) -> list[OrderEffect]:
    """The effects that are not everywhere yet, by order and number; also those to come."""
    query = (
        select(order_effect)
        .where(order_effect.c.everywhere_at == 0)
        .order_by(order_effect.c.order_number, order_effect.c.effect)
    )
    return [_effect(row) for row in await connection.execute(query)]


async def lacking(connection: AsyncConnection, node: str) -> list[OrderEffect]:
    """The effects that a node has not told of, by order and number, but those that were overtaken."""
    told = and_(
        order_node.c.order_number == order_effect.c.order_number,
        order_node.c.effect == order_effect.c.effect,
        order_node.c.node == node,
    )
    query = (
        select(order_effect)
        .outerjoin(order_node, told)
        .where(order_node.c.node.is_(None), order_effect.c.everywhere_at >= 0)
        .order_by(order_effect.c.order_number, order_effect.c.effect)
    )
    return [_effect(row) for row in await connection.execute(query)]


async def of_orders(connection: AsyncConnection, numbers: Collection[int]) -> list[OrderEffect]:
    """The effects of these orders, by order and number."""
    found: list[OrderEffect] = []
    every = sorted(numbers)
    for start in range(0, len(every), 500):
        query = (
            select(order_effect)
            .where(order_effect.c.order_number.in_(every[start : start + 500]))
            .order_by(order_effect.c.order_number, order_effect.c.effect)
        )
        found += [_effect(row) for row in await connection.execute(query)]
    return found


async def arrived(connection: AsyncConnection, found: Sequence[NodeArrival]) -> None:
    """Add the arrivals that a node told of."""
    if found:
        values = [{**asdict(each), "probe": each.probe.value} for each in found]
        await connection.execute(insert(order_node), values)


async def probed(connection: AsyncConnection, found: NodeArrival) -> None:
    """Update the probe of a node."""
    await connection.execute(
        update(order_node)
        .where(order_node.c.order_number == found.order_number, order_node.c.effect == found.effect)
        .where(order_node.c.node == found.node)
        .values(probe=found.probe.value, probed_at=found.probed_at, reason=found.reason)
    )


async def holders(connection: AsyncConnection, places: Collection[Place]) -> dict[Place, list[NodeArrival]]:
    """The arrivals of these effects."""
    found: dict[Place, list[NodeArrival]] = {each: [] for each in places}
    numbers = sorted({number for number, _ in places})
    for start in range(0, len(numbers), 500):
        query = select(order_node).where(order_node.c.order_number.in_(numbers[start : start + 500]))
        for row in await connection.execute(query):
            if (row.order_number, row.effect) in found:
                found[row.order_number, row.effect].append(_arrival(row))
    return found


async def everywhere(connection: AsyncConnection, place: Place, at: float, nodes: int) -> None:
    """Note that the last node has an effect; it stays noted, whatever nodes come later."""
    await connection.execute(
        update(order_effect)
        .where(order_effect.c.order_number == place[0], order_effect.c.effect == place[1])
        .values(everywhere_at=at, nodes=nodes)
    )


async def overtaken(connection: AsyncConnection, place: Place) -> None:
    """Note that a later effect has taken the place of one that never was everywhere."""
    await everywhere(connection, place, OVERTAKEN, 0)


async def contrary(connection: AsyncConnection) -> list[Place]:
    """The newest effects of orders that a node saw otherwise over DNS."""
    last = (
        select(order_node.c.order_number, func.max(order_node.c.effect).label("effect"))
        .group_by(order_node.c.order_number)
        .subquery()
    )
    query = (
        select(order_node.c.order_number, order_node.c.effect)
        .join(
            last, and_(last.c.order_number == order_node.c.order_number, last.c.effect == order_node.c.effect)
        )
        .where(order_node.c.probe == ProbeState.CONTRARY.value)
        .distinct()
    )
    return [(row.order_number, row.effect) for row in await connection.execute(query)]


async def newest(connection: AsyncConnection) -> tuple[int, int]:
    """The number of effects and their newest revision: another pair, other effects."""
    query = select(func.count(), func.coalesce(func.max(order_effect.c.revision), 0)).select_from(
        order_effect
    )
    row = (await connection.execute(query)).one()
    return int(row[0]), int(row[1])


def _effect(row: Any) -> OrderEffect:
    return OrderEffect(**{**row._mapping, "kind": EffectKind(row.kind)})


def _arrival(row: Any) -> NodeArrival:
    return NodeArrival(**{**row._mapping, "probe": ProbeState(row.probe)})
