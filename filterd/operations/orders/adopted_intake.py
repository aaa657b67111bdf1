"""Orders that a register makes: two people decided on the register, and stand behind each of its orders.

Only what no guard keeps back comes here (:mod:`filterd.operations.registers.items`); whatever does is refused
as a whole, and never waits silently.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from filterd.model.order import Order, OrderState, OrderStep, StepKind
from filterd.model.order_rows import audited
from filterd.operations import confidential
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders import limits
from filterd.operations.orders.finding import subject
from filterd.operations.orders.guards import Guards
from filterd.operations.orders.intake import IntakeRules, OrderRequest, complete
from filterd.operations.orders.life import record
from filterd.operations.orders.publishing import publish
from filterd.operations.orders.reach import OPEN_KINDS
from filterd.store import orders as rows
from filterd.store.ledger import ORDER_REPLACED, ORDER_SUCCESSOR, WITHDRAWAL
from filterd.store.store import Write


async def add_adopted(
    context: Context, write: Write, request: OrderRequest, guarding: Guards, approvals: tuple[str, ...]
) -> Order:
    """Take an order in, accepted at once on the word of ``approvals``. Raises OperationError; then nothing of
    the write may be kept."""
    rules = IntakeRules(
        now=context.clock(),
        kept=limits.ours(context.settings),
        nat64=context.settings.dns.nat64,
        country=guarding.country,
        lawless=guarding.lawless,
    )
    demand = complete(request, rules)
    kept_back = [each for each in guarding.hits(demand) if each.kind not in OPEN_KINDS]
    if guarding.overlap(demand) or kept_back or len(set(approvals)) < 2:
        message = "a guard keeps a part of the order back, on which people have to decide"
        raise ConflictError(message, "take it by hand: filterd order add")
    number = write.take_order()
    order = Order(
        number=number,
        reference=f"O-{number}",
        state=OrderState.ACCEPTED,
        demand=demand,
        reason=request.reason,
        added_by=context.actor,
        added_at=write.now,
        entries=len(demand.names) + len(demand.addresses),
        approvals=approvals,
        accepted_at=write.now,
        seal=secrets.token_hex(32),
    )
    if demand.confidential:
        order = confidential.with_sealed(order, confidential.sealer(context.settings, context.clock()))
    await rows.add(write.connection, order)
    publish(write, order)
    write.audit("order.add", subject(order), reason=order.reason, after=audited(order))
    return order


async def lift_adopted(
    context: Context,
    write: Write,
    order: Order,
    *,
    document: str,
    received_at: float,
    reason: str,
    successor: Order | None = None,
) -> Order:
    """End an order in a write of the caller's, because a document of the authority's register demands it.
    ``successor`` goes on with the rest of it: a restore without that one opens nothing of the rest."""
    ended = replace(
        order,
        state=OrderState.LIFTED,
        withdrawn_by=context.actor,
        withdrawn_at=write.now,
        withdrawal_reason=reason,
    )
    step = OrderStep(
        number=0,
        kind=StepKind.LIFTED,
        at=write.now,
        actor=context.actor,
        reason=reason,
        document=document,
        received_at=received_at,
    )
    ending = WITHDRAWAL if successor is None else ORDER_REPLACED
    done = await record(write, order, (step,), "order.lift", ended, ending)
    if successor is not None:
        write.end(ORDER_SUCCESSOR, successor.number)
    return done
