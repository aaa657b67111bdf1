"""The look of another person at an order that one person ended in an emergency."""

from __future__ import annotations

from collections.abc import Iterable

from filterd.model.order import Order, OrderStep, StepKind
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders import people
from filterd.operations.orders.finding import require
from filterd.operations.orders.later_texts import require_nameless_texts
from filterd.operations.orders.life import record
from filterd.operations.orders.showing import redacted
from filterd.store import orders as rows

WITHIN = 3 * 86_400
"""seconds in which somebody looks at it; later it is overdue"""


async def review(context: Context, reference: str, *, reason: str) -> Order:
    """Note that another person looked at an emergency end; ``reason`` is what they found. The order stays
    ended: one that shall hold is taken in anew. Raises ConflictError and NotAllowedError."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await require(write.connection, reference)
        require_nameless_texts(context, before, reason=because)
        emergency = before.unreviewed
        if emergency is None:
            message = f"order {before.reference} has no emergency end that waits for a review"
            raise ConflictError(message, f"see what happened to it: filterd order show {before.reference}")
        await people.require_another(write.connection, before, context, (emergency.actor,))
        step = OrderStep(0, StepKind.REVIEWED, write.now, context.actor, because)
        order = await record(write, before, (step,), "order.review", before, tell=False)
    return redacted(order)


async def waiting(context: Context) -> dict[str, int]:
    """The number of emergency ends that nobody looked at: in time, and overdue."""
    async with context.store.read() as connection:
        moments = await rows.unreviewed(connection)
    late = sum(at + WITHIN < context.clock() for at in moments)
    return {"waiting": len(moments) - late, "overdue": late}


def overdue(orders: Iterable[Order], now: float) -> tuple[Order, ...]:
    """Those whose emergency end nobody looked at in time."""
    return tuple(each for each in orders if each.unreviewed and each.unreviewed.at + WITHIN < now)
