"""An order goes on with a part of its entries, where an authority has the others unblocked.

The rest was accepted before, by the same people and in the same state: nobody decides anew, and no guard is
asked, so that none can keep the unblock waiting. What a guard holds back from today on stays as it was.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from filterd.model.order import Demand, Order
from filterd.model.order_rows import CONTINUES, audited
from filterd.operations import confidential
from filterd.operations.context import Context
from filterd.operations.orders.finding import subject
from filterd.operations.orders.publishing import publish
from filterd.store import orders as rows
from filterd.store.store import Write


async def continue_with(context: Context, write: Write, before: Order, rest: Demand) -> Order:
    """Put an order with the entries of ``rest``, a part of those of ``before``, in the place of ``before``,
    which the caller ends in the same write. It has the people, the state, the times and the steps of that
    one: one that is suspended stays so until the same moment. Raises OperationError where a confidential one
    cannot be sealed."""
    number = write.take_order()
    order = replace(
        before,
        number=number,
        reference=f"O-{number}",
        demand=replace(rest, sealed=None),
        added_by=context.actor,
        added_at=write.now,
        entries=len(rest.names) + len(rest.addresses),
        seal=secrets.token_hex(32),
    )
    if rest.confidential:
        order = confidential.with_sealed(order, confidential.sealer(context.settings, context.clock()))
    await rows.add(write.connection, order)
    publish(write, order)
    after = {**audited(order), CONTINUES: before.reference}
    write.audit("order.add", subject(order), reason=order.reason, after=after)
    return order
