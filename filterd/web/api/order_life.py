"""``/api/v1/orders/{reference}/…``: the life of an order after it was taken in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from filterd.model.order import Order
from filterd.model.token import Permission
from filterd.operations.orders import confirming, lifting, outside, reviewing, suspending
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


class Confirmation(RequestBody):
    """A confirmation, or a review that found that the order is needed."""

    until: Moment | None = Field(None, description="The next review; null: by its ground.")
    document: Text = Field("", description="The authority's paper; a provisional order takes one.")
    received_at: Moment | None = Field(None, description="When that came in; null: now.")
    reason: RequiredText = Field(description="Why it stands.")


class ExecutionOutside(RequestBody):
    """An execution outside DNS."""

    evidence: Annotated[str, Field(min_length=1, max_length=outside.MAX_EVIDENCE)] = Field(
        description="What was done instead, and where it can be seen."
    )
    digest: str = Field("", max_length=64, description="SHA-256 of a document that proves it.")
    reason: Text = Field("", description="Why it is executed outside DNS.")


class EmergencyReview(RequestBody):
    """The look at an emergency end."""

    reason: RequiredText = Field(description="What was found.")


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


@routes.post("/orders/{reference}/confirm", **takes(Permission.ORDERS_WRITE))
async def confirm_order(
    attempt: Attempted, caller: Called, reference: Reference, body: Confirmation
) -> Plain:
    """Note that an order stands: the authority confirmed it, or somebody looked at it again."""

    async def act() -> Order:
        return await confirming.confirm(
            caller.context,
            reference,
            until=seconds(body.until),
            document=body.document,
            received_at=seconds(body.received_at),
            reason=body.reason,
        )

    return plain_reply(await once(attempt, caller, act), caller)


@routes.post("/orders/{reference}/execute", **takes(Permission.ORDERS_WRITE))
async def execute_order(
    attempt: Attempted, caller: Called, reference: Reference, body: ExecutionOutside
) -> Plain:
    """Note that an order was carried out outside DNS; its names leave the nodes."""

    async def act() -> Order:
        return await outside.execute(
            caller.context, reference, evidence=body.evidence, digest=body.digest, reason=body.reason
        )

    return plain_reply(await once(attempt, caller, act), caller)


@routes.post("/orders/{reference}/review", **takes(Permission.ORDERS_WRITE))
async def review_order(
    attempt: Attempted, caller: Called, reference: Reference, body: EmergencyReview
) -> Plain:
    """Note that another person looked at an order that was ended in an emergency."""

    async def act() -> Order:
        return await reviewing.review(caller.context, reference, reason=body.reason)

    return plain_reply(await once(attempt, caller, act), caller)
