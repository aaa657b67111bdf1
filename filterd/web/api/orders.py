"""``/api/v1/orders``: the orders of authorities are taken in, approved, withdrawn and shown."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field, StrictBool

from filterd.model.blocking_mode import BlockingMode
from filterd.model.order import Order, OrderState
from filterd.model.token import Permission
from filterd.operations import input_values
from filterd.operations.orders import ending, showing, taking, times
from filterd.operations.orders.intake import MAX_ENTRIES, MAX_PROPORTIONALITY, OrderRequest
from filterd.operations.plain_records import plain_order
from filterd.operations.plain_values import plain, with_times
from filterd.web.api.callers import Caller
from filterd.web.api.fields import Items, ListPart, Moment, Plain, RequestBody, RequiredText
from filterd.web.api.limits import LARGEST_DOCUMENT
from filterd.web.api.reading import Limit, Number
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("orders")
Entry = Annotated[str, Field(min_length=1, max_length=2048)]
LongText = Annotated[str, Field(max_length=1000)]
ReasonedText = Annotated[str, Field(max_length=MAX_PROPORTIONALITY)]
Reference = Annotated[str, Path(max_length=32, description="The order's number, like O-17.")]


class OrderGiven(RequestBody):
    """An order of an authority, complete (LMTR 182)."""

    names: Annotated[tuple[Entry, ...], Items(MAX_ENTRIES, least=1)]
    scope: Literal["exact", "subtree", "below"] = "subtree"
    authority: RequiredText = Field(description="Who demands it.")
    official: RequiredText = Field(description="The official who signed.")
    document: RequiredText = Field(description="The number of the written instrument.")
    document_digest: str = Field("", max_length=64, description="SHA-256 of the document.")
    ground: RequiredText = Field(description="The provision that it rests on.")
    reason: RequiredText = Field(description="Why it is recorded.")
    mode: Literal["nxdomain", "nodata", "null", "sinkhole"] = "nxdomain"
    not_before: Moment | None = Field(None, description="When it begins; null: now.")
    not_after: Moment | None = Field(None, description="When it ends by itself.")
    review_at: Moment | None = Field(None, description="When to look at it again; null: in 180 days.")
    received_at: Moment | None = Field(None, description="When it came in; null: now.")
    confidential: StrictBool = Field(False, description="Its names are never shown.")
    law: LongText = Field("", description="The law that allows the block; empty: the ground's.")
    proportionality: ReasonedText = Field("", description="Why its reach is bearable, where it has one.")
    override_protection: StrictBool = Field(False, description="Hold for protected names, with two people.")
    enforce_by: Moment | None = Field(None, description="By when it must hold; null: by its ground.")
    report_by: Moment | None = Field(None, description="By when to report it; null: by its ground.")
    accept_overblocking: StrictBool = Field(False, description="Follow URLs and addresses by DNS too.")

    def as_request(self) -> OrderRequest:
        """The order as the use cases take it."""
        scope = input_values.scope(self.scope)
        return OrderRequest(
            authority=self.authority,
            official=self.official,
            document=self.document,
            ground=self.ground,
            reason=self.reason,
            entries=tuple((each, scope) for each in self.names),
            mode=BlockingMode[self.mode.upper()],
            not_before=seconds(self.not_before),
            not_after=seconds(self.not_after),
            review_at=seconds(self.review_at),
            received_at=seconds(self.received_at),
            document_digest=self.document_digest,
            confidential=self.confidential,
            accept_overblocking=self.accept_overblocking,
            law=self.law,
            proportionality=self.proportionality,
            override_protection=self.override_protection,
            enforce_by=seconds(self.enforce_by),
            report_by=seconds(self.report_by),
        )


class Approval(RequestBody):
    """Words of whoever approves an order; it needs none where nothing is asked for."""

    proportionality: ReasonedText = Field(
        "", description="Why what it reaches beyond its target is bearable, where nobody said so yet."
    )


class Withdrawal(RequestBody):
    """The end of an order."""

    reason: RequiredText = Field(description="Why it ends.")
    emergency: StrictBool = Field(False, description="Another person looks at it afterwards.")


def seconds(given: Moment | None) -> int:
    """A moment in Unix seconds; 0 where none is given."""
    return 0 if given is None else int(given.timestamp())


@routes.get("/orders", **takes(Permission.ORDERS_READ))
async def list_orders(
    caller: Called, state: OrderState | None = None, after: Number = 0, limit: Limit = 100
) -> ListPart[Plain]:
    """List the orders by number, without their names."""
    found, following = await showing.page(caller.context, state, after=after, limit=limit)
    return ListPart(
        items=[plain_reply(each, caller) for each in found], next=str(following) if following else None
    )


@routes.post("/orders", status_code=201, **takes(Permission.ORDERS_WRITE, largest=LARGEST_DOCUMENT))
async def take_in(attempt: Attempted, caller: Called, body: OrderGiven) -> Plain:
    """Take an order in. The person of the token stands behind it; where it takes two, it waits."""

    async def act() -> Order:
        return await taking.add(caller.context, body.as_request())

    return plain_reply(await once(attempt, caller, act), caller)


@routes.get("/orders/{reference}", **takes(Permission.ORDERS_READ))
async def show_order(caller: Called, reference: Reference) -> Plain:
    """Show an order; the names of a confidential one stay hidden."""
    return plain_reply(await showing.show(caller.context, reference), caller)


@routes.get("/orders/{reference}/enforcement", **takes(Permission.ORDERS_READ))
async def show_enforcement(caller: Called, reference: Reference) -> Plain:
    """Show since when an order is in force, or lifted, on which node, and what was seen over DNS. Ask again
    until `all_nodes_at` is set: within a second where every node is there."""
    found: Plain = with_times(plain(await times.show(caller.context, reference)))
    return found


@routes.post("/orders/{reference}/approve", **takes(Permission.ORDERS_WRITE))
async def approve_order(
    attempt: Attempted, caller: Called, reference: Reference, body: Approval | None = None
) -> Plain:
    """Stand behind an order as another person; with enough of them it is in force within a second. A body is
    needed only where the order reaches what many people use and does not say why that is bearable."""
    why = "" if body is None else body.proportionality

    async def act() -> Order:
        return await taking.approve(caller.context, reference, proportionality=why)

    return plain_reply(await once(attempt, caller, act), caller)


@routes.post("/orders/{reference}/withdraw", **takes(Permission.ORDERS_WRITE))
async def withdraw_order(attempt: Attempted, caller: Called, reference: Reference, body: Withdrawal) -> Plain:
    """End an order at once: an unblock waits for nobody. Ending it again changes nothing."""

    async def act() -> Order:
        return await ending.withdraw(caller.context, reference, reason=body.reason, emergency=body.emergency)

    return plain_reply(await once(attempt, caller, act), caller)


def plain_reply(order: Order, caller: Caller) -> Plain:
    """The order as commands print it with --json, with its times as text."""
    found: Plain = with_times(plain_order(order, caller.context.clock()))
    return found
