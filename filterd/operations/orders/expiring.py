"""Control's notes on what the clock did to orders: terms that are over, and suspensions that have ended.

Nodes end and resume orders by themselves, by the times that they hold. What is noted here changes nothing on
them, so that it may come late, and a clock of control that is ahead does no harm: once it is right again
control takes back what it noted too early, in a step of its own.
"""

from __future__ import annotations

from dataclasses import replace

from filterd.model.order import Order, OrderState, OrderStep, StepKind
from filterd.operations.context import Context
from filterd.operations.orders.life import ALLOWED, LifeAct, record
from filterd.store import orders as rows

AT_ONCE = 50
"""orders of one turn: each is a write of its own, and others wait for the store meanwhile"""
SLACK = 60
"""seconds by which a clock may go back without a note being taken back: its time comes again soon"""
_TOO_EARLY = "the clock was ahead when control noted that {0}"


async def record_ends(context: Context) -> int:
    """Note what has happened by now, for at most :data:`AT_ONCE` orders; their number. A damaged order is
    left alone: nobody knows what was decided about it."""
    done, now = 0, int(context.clock())
    async with context.store.read() as connection:
        due = await rows.overtaken(connection, now)
        due += await rows.noted_ahead(connection, now + SLACK)
    for reference in due:
        done += await _note(context, reference)
        if done >= AT_ONCE:
            break
    return done


_LED_TO = {
    StepKind.EXPIRED: (OrderState.EXPIRED, "order.expire"),
    StepKind.RESUMED: (OrderState.ACCEPTED, "order.resume"),
    StepKind.SUSPENDED: (OrderState.SUSPENDED, "order.suspend"),
}


async def _note(context: Context, reference: str) -> bool:
    async with context.store.write(context.actor, context.clock()) as write:
        before = await rows.find(write.connection, reference)
        step = None if before is None or before.damage else _step(before, context.actor, write.now)
        if before is None or step is None:
            return False
        state, action = _LED_TO[step.kind]
        order = replace(before, state=state)
        await record(write, before, (step,), action, order, ending=None)
    return True


def _step(order: Order, actor: str, now: float) -> OrderStep | None:
    """The step that is due on an order as it is under the lock; None: none."""
    if order.as_of(now).state is not order.state:
        return _taken_back(order, actor, now)
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


def _taken_back(order: Order, actor: str, now: float) -> OrderStep:
    """The step that puts an order where it is by its times, beside a note that came too early. The suspension
    is the one that was: its deadlines count from the same moment."""
    suspended = order.last(StepKind.SUSPENDED)
    if suspended is not None and order.as_of(now).state is OrderState.SUSPENDED:
        return replace(suspended, actor=actor, reason=_TOO_EARLY.format("its suspension had ended"))
    return OrderStep(
        number=0,
        kind=StepKind.RESUMED,
        at=now,
        actor=actor,
        reason=_TOO_EARLY.format("its term was over"),
        until=order.not_before if order.not_before > order.demand.not_before else 0,
    )
