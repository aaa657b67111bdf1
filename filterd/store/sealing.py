"""Gives a seal to each order that was decided on before the audit trail held digests of rows, and seals the
entries of each confidential one that was stored in clear.

That is the end of a migration, in its transaction: no reader meets an order without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import Order, OrderState
from filterd.model.order_rows import UNSEALED, audited, change_of
from filterd.model.order_sql import DECISIONS
from filterd.model.sealed_entries import SealedEntries
from filterd.store import change_log, orders
from filterd.store.errors import StoreError
from filterd.store.write import Write

ACTOR = "migration"
"""the actor of the audit entries that record the digests of earlier orders"""
SEAL_SIZE = 32

Sealer = Callable[[Order], SealedEntries]
"""seals the entries of an order with the keys of the installation"""


async def seal_orders(write: Write, random: Callable[[int], bytes]) -> None:
    """Record the digest of each order that has none.

    An order that is not what its last audit entry tells stays as it is: damaged.
    """
    for order in (await orders.all_orders(write.connection)).orders:
        if order.damage == UNSEALED and await _is_as_recorded(write.connection, order):
            sealed = replace(order, seal=random(SEAL_SIZE).hex(), damage="")
            await orders.seal(write.connection, sealed)
            write.audit("order.seal", f"order:{order.reference}", after=audited(sealed))


async def seal_entries(write: Write, sealer: Sealer | None) -> int:
    """Seal the entries of each confidential order that has them in clear, and erase the changes in which they
    stand. Return how many orders that were. Raises StoreError where there are some and no ``sealer``.

    A damaged order stays as it is: nobody may decide anew on what is not what was decided.
    """
    found = [
        order
        for order in (await orders.all_orders(write.connection)).orders
        if order.demand.confidential and order.demand.sealed is None and not order.damage and order.seal
    ]
    if found and sealer is None:
        message = "the store holds confidential orders in clear, and there is no key to seal them with"
        raise StoreError(message, "run: filterd store migrate")
    for order in found:
        assert sealer is not None  # noqa: S101 - refused above
        await change_log.forget(
            write.connection, await change_log.changes_of_order(write.connection, order.mandate.id)
        )
        await reseal(write, order, sealer(order))
    return len(found)


async def reseal(write: Write, order: Order, sealed: SealedEntries) -> None:
    """Store the same entries in another sealed form; nodes are told."""
    after = replace(order, demand=replace(order.demand, names=(), addresses=(), sealed=sealed))
    await orders.put_sealed(write.connection, order.number, sealed)
    if order.state is not OrderState.QUARANTINED:
        write.change(change_of(after))
    write.audit("order.seal", f"order:{order.reference}", after=audited(after))


async def _is_as_recorded(connection: AsyncConnection, order: Order) -> bool:
    """Return whether what the last entry about the order tells is what its row says."""
    entries = await change_log.newest_entries(connection, 1, f"order:{order.reference}", DECISIONS)
    told = entries[0].entry.after if entries else None
    present = audited(order)
    return told is not None and all(present[key] == value for key, value in told.items() if key in present)
