"""Gives a seal to each order that was decided on before the audit trail held digests of rows.

That is the end of a migration, in its transaction: no reader meets an order without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import Order
from filterd.model.order_rows import UNSEALED, audited
from filterd.store import change_log, orders
from filterd.store.write import Write

ACTOR = "migration"
"""the actor of the audit entries that record the digests of earlier orders"""
SEAL_SIZE = 32


async def seal_orders(write: Write, random: Callable[[int], bytes]) -> None:
    """Record the digest of each order that has none.

    An order that is not what its last audit entry tells stays as it is: damaged.
    """
    for order in (await orders.all_orders(write.connection)).orders:
        if order.damage == UNSEALED and await _is_as_recorded(write.connection, order):
            sealed = replace(order, seal=random(SEAL_SIZE).hex(), damage="")
            await orders.seal(write.connection, sealed)
            write.audit("order.seal", f"order:{order.reference}", after=audited(sealed))


async def _is_as_recorded(connection: AsyncConnection, order: Order) -> bool:
    """Return whether what the last entry about the order tells is what its row says."""
    entries = await change_log.newest_entries(connection, 1, f"order:{order.reference}")
    told = entries[0].entry.after if entries else None
    present = audited(order)
    return told is not None and all(present[key] == value for key, value in told.items() if key in present)
