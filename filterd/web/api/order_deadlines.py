"""``/api/v1/orders/due``: what is due for orders, and the note that an authority was told."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from filterd.model.order import Order
from filterd.model.token import Permission
from filterd.operations.orders import due
from filterd.operations.orders.plain_duties import plain_duty
from filterd.operations.plain_values import with_times
from filterd.web.api.fields import ListPart, Moment, Plain, RequestBody, RequiredText
from filterd.web.api.orders import Reference, plain_reply
from filterd.web.api.reading import Limit, Number
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("orders")


class Report(RequestBody):
    """A report to the authority that an order was carried out."""

    reference: RequiredText = Field(description="The report's own number, or its receipt.")
    at: Moment | None = Field(None, description="When it was handed in; null: now.")
    document_digest: str = Field("", max_length=64, description="SHA-256 of the report.")


@routes.get("/orders/due", **takes(Permission.ORDERS_READ))
async def list_due(
    caller: Called,
    within: Annotated[
        int | None, Query(ge=0, le=31_622_400, description="Only what is due in so many seconds.")
    ] = None,
    done: Annotated[bool, Query(description="Also what was done.")] = False,
    after: Number = 0,
    limit: Limit = 100,
) -> ListPart[Plain]:
    """List all that is due for orders, the soonest first, without any name."""
    every = await due.list_due(caller.context, within, done=done)
    now = caller.context.clock()
    items: list[Plain] = [with_times(plain_duty(each, now)) for each in every[after : after + limit]]
    return ListPart(items=items, next=str(after + limit) if len(every) > after + limit else None)


@routes.post("/orders/{reference}/reported", **takes(Permission.ORDERS_WRITE))
async def note_report(attempt: Attempted, caller: Called, reference: Reference, body: Report) -> Plain:
    """Note that the authority was told that an order was carried out."""

    async def act() -> Order:
        at = 0.0 if body.at is None else body.at.timestamp()
        return await due.reported(
            caller.context, reference, report=body.reference, at=at, digest=body.document_digest
        )

    return plain_reply(await once(attempt, caller, act), caller)
