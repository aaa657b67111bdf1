"""The life of an order: which act each state allows, and how one step of it is recorded.

Each act is one transaction: the row, the step, the change for nodes, and the audit entry with the digest of
the row. What makes no sense is refused with what to do instead.
"""

from __future__ import annotations

from enum import StrEnum

from filterd.model.order import Order, OrderState, OrderStep, StepKind
from filterd.model.order_rows import audited
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders.finding import subject
from filterd.operations.orders.publishing import publish
from filterd.store import orders as rows
from filterd.store.ledger import ORDER_STEP
from filterd.store.store import Write


class LifeAct(StrEnum):
    """The acts on an order. Control does the last one alone, by the clock."""

    APPROVE = "approve"
    SUSPEND = "suspend"
    RESUME = "resume"
    LIFT = "lift"
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"
    EXECUTE = "execute"
    EXPIRE = "expire"


_S = OrderState
_WAITING = frozenset((_S.PENDING, _S.QUARANTINED))
_DECIDED = frozenset((_S.ACCEPTED, _S.SUSPENDED))
_STANDING = _WAITING | _DECIDED | {_S.OUTSIDE_DNS}
ALLOWED = {
    LifeAct.APPROVE: _WAITING,
    LifeAct.SUSPEND: _DECIDED,
    LifeAct.RESUME: frozenset((_S.SUSPENDED,)),
    LifeAct.LIFT: _STANDING | {_S.EXPIRED},
    LifeAct.WITHDRAW: _STANDING | {_S.EXPIRED},
    LifeAct.CONFIRM: _DECIDED | {_S.OUTSIDE_DNS},
    LifeAct.EXECUTE: _STANDING,
    LifeAct.EXPIRE: _DECIDED,
}
"""the states in which each act makes sense; every other pair is refused, but that ending an ended order again
changes nothing"""

_SEE = "see what happened to it: filterd order show {0}"
_ANEW = "an order that has ended stays so: take it in anew with filterd order add"
_DECIDE = "somebody decides first: filterd order approve {0}, or filterd order withdraw {0} --reason ..."
_REMEDIES = {
    _S.PENDING: _DECIDE,
    _S.QUARANTINED: _DECIDE,
    _S.ACCEPTED: _SEE,
    _S.SUSPENDED: _SEE,
    _S.OUTSIDE_DNS: "nothing of it is blocked here; where it shall be, take it in anew: filterd order add",
    _S.EXPIRED: _ANEW,
    _S.LIFTED: _ANEW,
    _S.WITHDRAWN: _ANEW,
}
_WORDS = {
    _S.PENDING: "is pending",
    _S.QUARANTINED: "is quarantined",
    _S.ACCEPTED: "is accepted already",
    _S.SUSPENDED: "is suspended",
    _S.OUTSIDE_DNS: "was executed outside DNS",
    _S.EXPIRED: "has expired",
    _S.LIFTED: "was lifted",
    _S.WITHDRAWN: "was withdrawn",
}


def require_allowed(order: Order, act: LifeAct) -> None:
    """Raise ConflictError where the state of the order does not allow the act."""
    if order.state in ALLOWED[act]:
        return
    message = f"order {order.reference} {_WORDS[order.state]}: there is nothing to {act.value}"
    raise ConflictError(message, remedy(order))


def remedy(order: Order) -> str:
    """The next thing to do about an order on which an act was refused."""
    return _REMEDIES[order.state].format(order.reference)


def require_running(order: Order, now: float) -> None:
    """Refuse what changes nothing any more, because the term of the order is over."""
    if 0 < order.demand.not_after <= now:
        message = f"the term of order {order.reference} is over, and nodes have ended it by themselves"
        raise ConflictError(message, _ANEW)


def instrument(document: str, received_at: float, now: float) -> tuple[str, float]:
    """The number of the authority's paper, and when it came in (now, where nobody says). OperationError for
    a number that is empty, and a time that lies in the future."""
    number = input_values.text(document, "document number")
    when = input_values.past(received_at or now, now, "the time at which it was received (--received-at)")
    return number, float(when)


async def record(
    write: Write,
    before: Order,
    steps: tuple[OrderStep, ...],
    action: str,
    order: Order,
    ending: str | None = ORDER_STEP,
    tell: bool = True,
) -> Order:
    """Record steps, and the order as they leave it. Nodes are told, and the ledger notes ``ending``: a
    restore of an older backup repeats it, or says that it is lost. None: a note of what the clock did, which
    they know. ``tell``: false where it concerns no node."""
    for step in steps:
        order = order.with_step(step)
        await rows.add_step(write.connection, order.number, order.steps[-1])
    await rows.set_state(write.connection, order)
    if ending is not None:
        write.end(ending, order.number)
    if ending is not None and tell:
        publish(write, order)
    reason = steps[0].reason if steps else order.withdrawal_reason
    write.audit(action, subject(order), reason=reason, before=audited(before), after=audited(order))
    return order


def emergency_step(context: Context, now: float, reason: str) -> OrderStep:
    """The mark of an end that another person looks at afterwards."""
    return OrderStep(0, StepKind.EMERGENCY, now, context.actor, reason)
