"""The confirmation of a provisional order, and the review of any other: both find that it stands."""

from __future__ import annotations

from filterd.model.order import Order, OrderStep, StepKind
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.orders import basis
from filterd.operations.orders.finding import require
from filterd.operations.orders.guards import jurisdiction
from filterd.operations.orders.later_texts import require_nameless_texts
from filterd.operations.orders.life import LifeAct, instrument, record, require_allowed, require_running
from filterd.operations.orders.showing import redacted


async def confirm(
    context: Context,
    reference: str,
    *,
    until: int = 0,
    document: str = "",
    received_at: float = 0.0,
    reason: str,
) -> Order:
    """Note that an order stands: the authority confirmed it (``document``, which a provisional one takes), or
    somebody looked and it is needed. ``until``: the next review (Unix seconds), 0 for the ground's own.
    Raises OperationError."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    now, country = context.clock(), jurisdiction(context)
    number, received = instrument(document, received_at, now) if document.strip() else ("", 0.0)
    if until and until <= now:
        message = "the next review (--until) lies in the past"
        raise OperationError(message, "give --until in the future, or leave it out")
    async with context.store.write(context.actor, now) as write:
        before = await require(write.connection, reference)
        require_nameless_texts(context, before, reason=because, document=number)
        standing = before.as_of(write.now)
        require_allowed(standing, LifeAct.CONFIRM)
        require_running(before, write.now)
        if not number and basis.is_provisional(before.demand, country):
            message = f"order {before.reference} is provisional by its ground: the authority confirms it"
            raise OperationError(message, "give the number of the paper that confirms it: --document")
        step = OrderStep(
            number=0,
            kind=StepKind.CONFIRMED,
            at=write.now,
            actor=context.actor,
            reason=because,
            document=number,
            received_at=received,
            until=until or basis.next_review(before.demand, write.now, country),
        )
        order = await record(write, before, (step,), "order.confirm", standing, tell=False)
    return redacted(order)
