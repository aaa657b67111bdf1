"""The execution of an order outside DNS: the provider itself hosts what is demanded, and took it down."""

from __future__ import annotations

from dataclasses import replace

from filterd.model.order import Order, OrderState, OrderStep, StepKind
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.orders.finding import require
from filterd.operations.orders.later_texts import require_nameless_texts
from filterd.operations.orders.life import LifeAct, record, require_allowed
from filterd.operations.orders.showing import redacted

MAX_EVIDENCE = 2_000
"""characters"""


async def execute(
    context: Context, reference: str, *, evidence: str, digest: str = "", reason: str = ""
) -> Order:
    """Note that an order was carried out by other means, with the evidence; its names leave the nodes.
    ``digest``: the SHA-256 of a document that proves it. Further evidence is added to the first."""
    context.require_person()
    told = input_values.text(evidence, "evidence", limit=MAX_EVIDENCE)
    because = input_values.text(reason, "reason", limit=1000, required=False)
    proof = input_values.sha256(digest, "digest")
    async with context.store.write(context.actor, context.clock()) as write:
        before = await require(write.connection, reference)
        require_nameless_texts(context, before, reason=because, evidence=told)
        require_allowed(before.as_of(write.now), LifeAct.EXECUTE)
        order = replace(before, state=OrderState.OUTSIDE_DNS)
        step = OrderStep(
            number=0,
            kind=StepKind.EXECUTED,
            at=write.now,
            actor=context.actor,
            reason=because,
            evidence=told,
            digest=proof,
        )
        order = await record(write, before, (step,), "order.execute", order)
    return redacted(order)
