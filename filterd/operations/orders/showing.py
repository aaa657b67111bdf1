"""Orders as people see them: without the names of confidential ones, with what each would reach."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

from filterd.model.order import OFF_NODES, Order, OrderState
from filterd.operations import confidential, snapshots
from filterd.operations.context import Context, OperationError
from filterd.operations.orders.finding import find, require
from filterd.operations.orders.guards import guards
from filterd.operations.orders.reach import Hit, HitKind
from filterd.policy import snapshot_layout
from filterd.policy.overriding import OVERRIDING
from filterd.store import orders as rows

PROTECTED_REMEDY = (
    "withdraw it: filterd order withdraw {0} --reason ...; or take the name off protected.yaml, "
    "then another person: filterd order approve {0}"
)


@dataclass(frozen=True, slots=True)
class Lifted:
    """The protected names and addresses that an order speaks of, and that are answered all the same."""

    count: int = 0
    names: tuple[str, ...] = ()
    """as ``protected.yaml`` has them; empty for a confidential order"""


async def list_orders(context: Context, state: OrderState | None = None) -> tuple[Order, ...]:
    """Orders by number, without their names."""
    async with context.store.read() as connection:
        return tuple(redacted(each) for each in await rows.list_orders(connection, state))


async def page(
    context: Context, state: OrderState | None = None, *, after: int = 0, limit: int = 100
) -> tuple[tuple[Order, ...], int]:
    """At most ``limit`` orders of a state behind a number, and the number to go on behind; 0: there are no
    more. An order's state is only known when its row has been proved, so of a state orders are read, in
    short reads, until the page is full."""
    found: list[Order] = []
    while True:
        size = min(rows.PAGE, limit + 1 - len(found)) if state is None else rows.PAGE
        async with context.store.read() as connection:
            some, after = await rows.page(connection, after=after, limit=size, state=state)
        found += some
        if len(found) > limit:
            return tuple(redacted(each) for each in found[:limit]), found[limit - 1].number
        if not after:
            return tuple(redacted(each) for each in found), 0


async def newest(context: Context, limit: int) -> tuple[Order, ...]:
    """The last orders by number, the newest last, without their names."""
    async with context.store.read() as connection:
        return tuple(redacted(each) for each in await rows.newest(connection, limit))


async def show(context: Context, reference: str) -> Order:
    """One order; the names of a confidential one are not shown."""
    async with context.store.read() as connection:
        return redacted(await find(connection, reference))


async def count(context: Context) -> dict[str, int]:
    """Orders by state."""
    async with context.store.read() as connection:
        return await rows.count(connection)


async def held_back(context: Context, order: Order) -> str:
    """Why an order is quarantined: what it would block that is protected. Empty for any other order."""
    if order.state is not OrderState.QUARANTINED or order.damage:
        return ""
    try:
        full = await _whole(context, order.reference)
    except OperationError as error:
        return str(error)
    guarding = await asyncio.to_thread(guards, context)
    overlap = await asyncio.to_thread(guarding.overlap, full.demand)
    return (
        held_back_because(full, overlap)
        if overlap
        else guarding.doubted(order.reference) or held_back_because(full, ())
    )


async def lifted(context: Context, order: Order) -> Lifted | None:
    """The part of an accepted order that protection lifts; nothing of any other order. Of one that overrides
    it, that is all until a snapshot is compiled, and nothing then. None: nobody knows, as ``protected.yaml``
    or the order cannot be read."""
    if order.state is not OrderState.ACCEPTED or order.damage:
        return Lifted()
    try:
        full = await _whole(context, order.reference)
    except OperationError:
        return None
    guarding = await asyncio.to_thread(guards, context)
    if guarding.unprotected:
        return None
    overlapping = guarding.overlap
    if full.demand.protection_overridden and full.mandate.id in await asyncio.to_thread(_overriding, context):
        overlapping = guarding.fixed
    overlap = await asyncio.to_thread(overlapping, full.demand)
    return Lifted(len(overlap), () if full.demand.confidential else overlap)


async def hits_of(context: Context, order: Order) -> tuple[Hit, ...]:
    """The reach of an order that is or may be in force; of a confidential one without what it hits."""
    if order.damage or order.state in OFF_NODES:
        return ()
    try:
        full = await _whole(context, order.reference)
    except OperationError as error:
        return (Hit(HitKind.UNKNOWN, "", 0, f"not known: {str(error).splitlines()[0].rstrip(':')}"),)
    guarding = await asyncio.to_thread(guards, context)
    hits = await asyncio.to_thread(guarding.hits, full.demand)
    return tuple(each.unnamed for each in hits) if full.demand.confidential else hits


def _overriding(context: Context) -> Collection[int]:
    """The ids of the orders whose names the snapshot in force does not protect."""
    meta = snapshots.meta_in_force(context.settings.state_dir / snapshot_layout.DIRECTORY) or {}
    found: list[int] = meta.get(OVERRIDING, [])
    return found


def redacted(order: Order) -> Order:
    """The order as it may be shown: without names, addresses and the text on proportionality where it is
    confidential, or may be."""
    if order.demand.confidential or order.damage:
        hidden = replace(order.demand, names=(), addresses=(), sealed=None, proportionality="")
        order = replace(order, demand=hidden)
    return replace(order, seal="")


async def _whole(context: Context, reference: str) -> Order:
    """A sound order with its entries, be they sealed or not. Nobody is shown those of a sealed one."""
    async with context.store.read() as connection:
        found = await require(connection, reference)
    return confidential.opened(context.settings, found)


def held_back_because(order: Order, overlap: tuple[str, ...]) -> str:
    """The words on an order that demands these protected names."""
    shown = f"{len(overlap)} names" if order.demand.confidential else ", ".join(overlap)
    if not overlap:
        return f"order {order.reference} is quarantined, but demands nothing any more that is protected"
    return f"order {order.reference} is quarantined, not enforced: it would block {shown}, protected"
