"""``/api/v1/orders/{reference}/…``: the life of an order after it was taken in."""

from __future__ import annotations

from pydantic import Field, StrictBool

from filterd.model.order import Order
from filterd.model.token import Permission
from filterd.operations.orders import lifting, suspending
from filterd.web.api.fields import Moment, Plain, RequestBody, RequiredText, Text
from filterd.web.api.orders import Reference, plain_reply, seconds
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("orders")


class Suspension(RequestBody):
    """A suspension at the authority's request."""

    until: Moment = Field(description="When it resumes by itself.")
    document: RequiredText = Field(description="The number of the authority's paper.")
    received_at: Moment | None = Field(None, description="When that came in; null: now.")
    reason: RequiredText = Field(description="Why it is suspended.")


class Resumption(RequestBody):
    """The end of a suspension before its time."""

    document: Text = Field("", description="The number of the authority's paper.")
    reason: RequiredText = Field(description="Why it resumes.")


class LiftingDemand(RequestBody):
    """The authority's demand to end an order."""

    document: RequiredText = Field(description="The number of the authority's paper.")
    received_at: Moment | None = Field(None, description="When it came in; null: now.")
    reason: RequiredText = Field(description="Why it ends.")
    emergency: StrictBool = Field(False, description="Another person looks at it afterwards.")


@routes.post("/orders/{reference}/suspend", **takes(Permission.ORDERS_WRITE))
async def suspend_order(attempt: Attempted, caller: Called, reference: Reference, body: Suspension) -> Plain:
    """Suspend an order at the authority's request; nodes resume it by themselves at the end."""

    async def act() -> Order:
        return await suspending.suspend(
            caller.context,
            reference,
            until=seconds(body.until),
            document=body.document,
            received_at=seconds(body.received_at),
            reason=body.reason,
        )

    return plain_reply(await once(attempt, caller, act), caller)


@routes.post("/orders/{reference}/resume", **takes(Permission.ORDERS_WRITE))
async def resume_order(attempt: Attempted, caller: Called, reference: Reference, body: Resumption) -> Plain:
    """Put a suspended order back in force before its time."""

    async def act() -> Order:
        return await suspending.resume(caller.context, reference, document=body.document, reason=body.reason)

    return plain_reply(await once(attempt, caller, act), caller)


@routes.post("/orders/{reference}/lift", **takes(Permission.ORDERS_WRITE))
async def lift_order(attempt: Attempted, caller: Called, reference: Reference, body: LiftingDemand) -> Plain:
    """End an order because the authority demands it. The same demand again changes nothing."""

    async def act() -> Order:
        return await lifting.lift(
            caller.context,
            reference,
            document=body.document,
            received_at=seconds(body.received_at),
            reason=body.reason,
            emergency=body.emergency,
        )

    return plain_reply(await once(attempt, caller, act), caller)
