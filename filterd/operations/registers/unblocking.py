"""The unblocking of single entries by a document: the orders of the register that have them end.

An order that had others too is replaced in the same transaction by one with the rest, so that nothing else is
unblocked for a moment.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from filterd.model.order import ENDED, OFF_NODES, Order
from filterd.model.rule import Scope
from filterd.operations import confidential
from filterd.operations.context import Context
from filterd.operations.orders.adopted_intake import add_adopted, lift_adopted
from filterd.operations.orders.guards import Guards
from filterd.operations.orders.intake import OrderRequest
from filterd.store import orders as order_rows
from filterd.store import registers as rows
from filterd.store.store import Write

if TYPE_CHECKING:
    from filterd.operations.registers.documents import DocumentWork


async def unblock(
    context: Context,
    write: Write,
    work: DocumentWork,
    guarding: Guards,
    values: Collection[str],
    approvals: tuple[str, ...],
) -> int:
    """End the blocks of these entries by orders of the register; return how many orders ended. Entries that
    no such order has are left: they are not blocked by it."""
    wanted = set(values)
    ended = 0
    numbers = await rows.orders_of(write.connection, work.register.id) if wanted else []
    for number in numbers:
        order = await order_rows.find(write.connection, f"O-{number}")
        if order is None or order.damage or order.state in ENDED | OFF_NODES:
            continue
        opened = confidential.opened(context.settings, order)
        kept = _without(opened, wanted)
        if kept is None:
            continue
        replacement = None
        if kept.entries:
            replacement = await add_adopted(context, write, kept, guarding, approvals)
            await rows.continue_order(write.connection, work.register.id, number, replacement.number)
        reason = f"register {work.register.id}: unblocked"
        await lift_adopted(
            context,
            write,
            order,
            document=work.run.document,
            received_at=work.run.received_at,
            reason=reason,
            successor=replacement,
        )
        ended += 1
    return ended


def _without(order: Order, wanted: set[str]) -> OrderRequest | None:
    """The request of the same order without these entries; None where it has none of them."""
    demand = order.demand
    names = tuple(each for each in demand.names if each[0] not in wanted)
    addresses = tuple(each for each in demand.addresses if each not in wanted)
    if len(names) + len(addresses) == len(demand.names) + len(demand.addresses):
        return None
    rest = names + tuple((each, Scope.EXACT) for each in addresses)  # an address has no scope
    return OrderRequest(
        authority=demand.authority,
        official=demand.official,
        document=demand.document,
        ground=demand.ground,
        reason=order.reason,
        entries=rest,
        mode=demand.mode,
        not_after=demand.not_after,
        received_at=int(demand.received_at),
        document_digest=demand.document_digest,
        confidential=demand.confidential,
        accept_overblocking=demand.overblocking_accepted,
        law=demand.law,
        proportionality=demand.proportionality,
        enforce_by=demand.enforce_by,
        report_by=demand.report_by,
    )
