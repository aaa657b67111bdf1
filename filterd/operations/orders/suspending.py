"""The suspension of an order at the authority's request, and its end before the time.

Nodes get the end of the suspension as the beginning of the order's force: they resume by themselves, whether
control runs or not. Control notes the resumption afterwards (operations.orders.expiring).
"""

from __future__ import annotations

from dataclasses import replace

from filterd.model.order import Order, OrderState, OrderStep, StepKind
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.orders.finding import require
from filterd.operations.orders.later_texts import require_nameless_texts
from filterd.operations.orders.life import LifeAct, instrument, record, require_allowed, require_running
from filterd.operations.orders.showing import redacted
from filterd.store import orders as rows
from filterd.store.ledger import ORDER_RESUMED


async def suspend(
    context: Context, reference: str, *, until: int, document: str, received_at: float = 0.0, reason: str
) -> Order:
    """Lift an order until a moment (Unix seconds), since the authority asks for it; one person is enough.
    Suspending it anew sets another end. Raises OperationError."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    number, received = instrument(document, received_at, context.clock())
    async with context.store.write(context.actor, context.clock()) as write:
        before = await require(write.connection, reference)
        require_allowed(before.as_of(write.now), LifeAct.SUSPEND)
        require_nameless_texts(context, before, reason=because, document=number)
        require_running(before, write.now)
        _require_sensible(before, until, write.now)
        step = OrderStep(
            number=0,
            kind=StepKind.SUSPENDED,
            at=write.now,
            actor=context.actor,
            reason=because,
            document=number,
            received_at=received,
            until=until,
        )
        order = replace(before, state=OrderState.SUSPENDED)
        order = await record(write, before, (step,), "order.suspend", order)
    return redacted(order)


async def resume(context: Context, reference: str, *, reason: str, document: str = "") -> Order:
    """Put a suspended order back in force before its time. Raises OperationError."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    number = input_values.text(document, "document number", required=False)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await require(write.connection, reference)
        require_allowed(before.as_of(write.now), LifeAct.RESUME)
        require_nameless_texts(context, before, reason=because, document=number)
        require_running(before, write.now)
        step = OrderStep(0, StepKind.RESUMED, write.now, context.actor, because, number)
        order = replace(before, state=OrderState.ACCEPTED)
        order = await record(write, before, (step,), "order.resume", order, ORDER_RESUMED)
    return redacted(order)


async def resume_again(context: Context, number: int, *, reason: str) -> bool:
    """Put the order with this number back in force, whose suspension was ended before a restore brought it
    back: a mandatory name must not stay open for that. False where nothing of it is suspended."""
    async with context.store.write(context.actor, context.clock()) as write:
        before = await rows.find(write.connection, f"O-{number}")
        if before is None or before.damage or before.state is not OrderState.SUSPENDED:
            return False
        step = OrderStep(0, StepKind.RESUMED, write.now, context.actor, reason)
        order = replace(before, state=OrderState.ACCEPTED)
        await record(write, before, (step,), "order.resume", order, ORDER_RESUMED)
    return True


def _require_sensible(order: Order, until: int, now: float) -> None:
    if until <= now:
        message = "the suspension would end before it begins: --until lies in the past"
        raise OperationError(message, "give --until in the future; to end the order: filterd order lift")
    if until <= order.demand.not_before:
        message = f"order {order.reference} begins only after --until: the suspension would lift nothing"
        raise OperationError(message, "give a later --until")
    if 0 < order.demand.not_after <= until:
        message = f"the term of order {order.reference} is over by then: it would never come back in force"
        remedy = f"to end it: filterd order lift {order.reference} --document ... --reason ..."
        raise OperationError(message, remedy)
