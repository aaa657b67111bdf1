"""Control's notes on what the clock did to orders: terms that are over, and suspensions that have ended.

Nodes end and resume orders by themselves, by the times that they hold. What is noted here changes nothing on
them, so that it may come late, and a clock of control that is ahead does no harm.
"""

from __future__ import annotations

from dataclasses import replace

from filterd.model.order import Order, OrderState, OrderStep, StepKind
from filterd.operations.context import Context
from filterd.operations.orders.life import ALLOWED, LifeAct, record
from filterd.store import orders as rows

AT_ONCE = 50
"""orders of one turn: each is a write of its own, and others wait for the store meanwhile"""


async def record_ends(context: Context) -> int:
    """Note what has happened by now, for at most :data:`AT_ONCE` orders; their number. A damaged order is
    left alone: nobody knows what was decided about it."""
    done = 0
    async with context.store.read() as connection:
        due = await rows.overtaken(connection, int(context.clock()))
    for reference in due:
        done += await _note(context, reference)
        if done >= AT_ONCE:
            break
    return done


async def _note(context: Context, reference: str) -> bool:
    async with context.store.write(context.actor, context.clock()) as write:
        before = await rows.find(write.connection, reference)
        step = None if before is None or before.damage else _step(before, context.actor, write.now)
        if before is None or step is None:
            return False
        ended = step.kind is StepKind.EXPIRED
        order = replace(before, state=OrderState.EXPIRED if ended else OrderState.ACCEPTED)
        action = "order.expire" if ended else "order.resume"
        await record(write, before, (step,), action, order, ending=None)
    return True


def _step(order: Order, actor: str, now: float) -> OrderStep | None:
    """The step that is due on an order as it is under the lock; None: none."""
    if order.state not in ALLOWED[LifeAct.EXPIRE]:
        return None
    if 0 < order.demand.not_after <= now:
        return OrderStep(0, StepKind.EXPIRED, float(order.demand.not_after), actor, "its term is over")
    suspended = order.last(StepKind.SUSPENDED)
    if order.state is OrderState.SUSPENDED and suspended is not None and suspended.until <= now:
        return OrderStep(
            number=0,
            kind=StepKind.RESUMED,
            at=float(suspended.until),
            actor=actor,
            reason="the suspension has ended",
            until=suspended.until,
        )
    return None
