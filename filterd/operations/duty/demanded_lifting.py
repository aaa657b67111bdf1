"""An order is lifted because the authority demands it by word of mouth: its paper may follow, or never come.

The call is a request of the intake register, and its number (``P-7``) stands where the paper's would. The
deadline of the unblock counts from when the demand came in.
"""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.duty import AskedKind, AskedStep, AskedWay, AuthorityRequest
from filterd.model.order import Order, OrderState, StepKind
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.duty import requests
from filterd.operations.duty.requests import RequestAsked, StepTaken
from filterd.operations.errors import ConflictError
from filterd.operations.orders import lifting
from filterd.operations.orders.finding import require
from filterd.operations.orders.later_texts import require_nameless_texts
from filterd.operations.orders.life import LifeAct, require_allowed
from filterd.operations.orders.showing import redacted


@dataclass(frozen=True, slots=True)
class LiftingDemanded:
    """A demand to lift an order, as somebody notes it. ``received_at`` is in Unix seconds, 0: now."""

    reason: str
    document: str = ""
    """the number of its paper; that of an open request (``P-7``); empty: a call, which is noted"""
    authority: str = ""
    """whose call it was; empty: the authority of the order"""
    official: str = ""
    received_at: float = 0.0


async def lift(
    context: Context, reference: str, demanded: LiftingDemanded, *, emergency: bool = False
) -> Order:
    """Lift an order on a demand, and note the demand where it has no paper. The same again changes nothing.
    Raises OperationError; a call that was noted by then stays, and its clock runs."""
    document = demanded.document.strip()
    noted = await _noted(context, document) if document else None
    if document and noted is None:
        return await lifting.lift(
            context,
            reference,
            document=document,
            received_at=demanded.received_at,
            reason=demanded.reason,
            emergency=emergency,
        )
    before = await _liftable(context, reference, demanded)
    if before.state is OrderState.LIFTED:
        return redacted(before)
    request = noted or await _note(context, before, demanded)
    order = await lifting.lift(
        context,
        before.reference,
        document=request.reference,
        received_at=demanded.received_at or request.received_at,
        reason=demanded.reason,
        emergency=emergency,
    )
    await requests.take(context, request.reference, StepTaken(AskedStep.ORDER, reference=order.reference))
    return order


async def _noted(context: Context, document: str) -> AuthorityRequest | None:
    """The open request with this number. Raises ConflictError for one that asks for something else: it
    would have its outcome, and nobody would do what it asks for."""
    waiting = await requests.waiting(context)
    found = next((each for each in waiting if each.reference == document.upper()), None)
    if found is not None and found.kind is not AskedKind.UNBLOCK:
        message = f"request {found.reference} does not ask to unblock anything"
        remedy = "give the number of the paper that does, or leave it out and name whose call it was"
        raise ConflictError(message, remedy)
    return found


async def _liftable(context: Context, reference: str, demanded: LiftingDemanded) -> Order:
    """The order, which can be lifted with these words; or was, by the same call."""
    because = input_values.text(demanded.reason, "reason", limit=1000)
    async with context.store.read() as connection:
        before = await require(connection, reference)
    lifted = before.last(StepKind.LIFTED)
    told = None if lifted is None else (lifted.actor, lifted.reason)
    if before.state is OrderState.LIFTED and told == (context.actor, because):
        return before
    require_nameless_texts(context, before, reason=because, official=demanded.official)
    require_allowed(before, LifeAct.LIFT)
    return before


async def _note(context: Context, order: Order, demanded: LiftingDemanded) -> AuthorityRequest:
    return await requests.enter(
        context,
        RequestAsked(
            authority=demanded.authority or order.demand.authority,
            document="",
            asked=f"{order.reference}: {demanded.reason.strip()}",
            kind=AskedKind.UNBLOCK,
            way=AskedWay.TELEPHONE,
            official=demanded.official,
            received_at=demanded.received_at,
        ),
    )
