"""The end of an order on the authority's demand, and the look of another person at emergency ends (R3, R7).

An unblock waits for nobody: one person is enough, at any hour. The deadline of a demand to lift counts from
when it came in.
"""

from __future__ import annotations

from dataclasses import replace

from filterd.model.order import Order, OrderState, OrderStep, StepKind
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.orders.finding import require
from filterd.operations.orders.later_texts import require_nameless_texts
from filterd.operations.orders.life import LifeAct, emergency_step, instrument, record, require_allowed
from filterd.operations.orders.showing import redacted
from filterd.store.ledger import WITHDRAWAL


async def lift(
    context: Context,
    reference: str,
    *,
    document: str,
    received_at: float = 0.0,
    reason: str,
    emergency: bool = False,
) -> Order:
    """End an order because the authority demands it, at once and for good. The same demand again changes
    nothing. ``emergency``: another person looks at it afterwards. Raises OperationError."""
    because = input_values.text(reason, "reason", limit=1000)
    number, received = instrument(document, received_at, context.clock())
    async with context.store.write(context.actor, context.clock()) as write:
        before = await require(write.connection, reference)
        require_nameless_texts(context, before, reason=because, document=number)
        if _is_repeated(before, number):
            return redacted(before)
        require_allowed(before, LifeAct.LIFT)
        ended = replace(
            before,
            state=OrderState.LIFTED,
            withdrawn_by=context.actor,
            withdrawn_at=write.now,
            withdrawal_reason=because,
        )
        step = OrderStep(
            number=0,
            kind=StepKind.LIFTED,
            at=write.now,
            actor=context.actor,
            reason=because,
            document=number,
            received_at=received,
        )
        steps = (step, emergency_step(context, write.now, because)) if emergency else (step,)
        order = await record(write, before, steps, "order.lift", ended, WITHDRAWAL)
    return redacted(order)


def _is_repeated(order: Order, document: str) -> bool:
    lifted = order.last(StepKind.LIFTED)
    return order.state is OrderState.LIFTED and lifted is not None and lifted.document == document
