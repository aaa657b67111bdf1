"""The unblocking of single entries by a document: the orders of the register that have them end.

An order that had others too is replaced in the same transaction by one with the rest, in the state that it
has, so that nothing else is unblocked for a moment, and nothing that was suspended is blocked. No guard is
asked: an unblock never waits for what else stood in the order. The trail says which order the new one
continues: reports count the two as one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from filterd.model.order import OFF_NODES, Demand
from filterd.operations import confidential
from filterd.operations.context import Context
from filterd.operations.orders.adopted_intake import lift_adopted
from filterd.operations.orders.continuing import continue_with
from filterd.store import orders as order_rows
from filterd.store import registers as rows
from filterd.store.store import Write

if TYPE_CHECKING:
    from filterd.operations.registers.documents import DocumentWork


def ending_reason(register: str) -> str:
    """The reason that the orders have which a register's unblocks end."""
    return f"register {register}: unblocked"


async def unblock(context: Context, write: Write, work: DocumentWork, values: Collection[str]) -> int:
    """End the blocks of these entries by orders of the register; return how many orders ended. Entries that
    no such order has are left: they are not blocked by it. One whose term is over ends too: the clock that
    says so may be ahead."""
    wanted = set(values)
    ended = 0
    numbers = await rows.orders_with(write.connection, work.register.id, wanted) if wanted else []
    for number in numbers:
        order = await order_rows.find(write.connection, f"O-{number}")
        if order is None or order.damage or order.state in OFF_NODES:
            continue
        opened = confidential.opened(context.settings, order)
        rest = _without(opened.demand, wanted)
        if rest is None:
            continue
        replacement = None
        if rest.names or rest.addresses:
            replacement = await continue_with(context, write, order, rest)
            await rows.continue_order(write.connection, work.register.id, number, replacement.number)
        await lift_adopted(
            context,
            write,
            order,
            document=work.run.document,
            received_at=work.run.received_at,
            reason=ending_reason(work.register.id),
            successor=replacement,
        )
        ended += 1
    return ended


def _without(demand: Demand, wanted: set[str]) -> Demand | None:
    """The demand without these entries; None where it has none of them."""
    names = tuple(each for each in demand.names if each[0] not in wanted)
    addresses = tuple(each for each in demand.addresses if each not in wanted)
    if len(names) + len(addresses) == len(demand.names) + len(demand.addresses):
        return None
    return replace(demand, names=names, addresses=addresses)
