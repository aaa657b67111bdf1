"""``/api/v1/holds``: existing records that an authority demands to be preserved (CNPP 303)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from filterd.model.preservation import LONGEST_DAYS, MAX_LINES
from filterd.model.token import Permission
from filterd.operations.plain_values import with_times
from filterd.operations.privacy import preservation
from filterd.operations.privacy.plain import plain_hold
from filterd.operations.privacy.preservation import HoldDemand, ShownHold
from filterd.web.api.fields import (
    Items,
    ListPart,
    Moment,
    Plain,
    RequestBody,
    RequiredText,
    SubscriberId,
    Text,
)
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("holds")
Reference = Annotated[str, Path(max_length=32, description="As H-7.")]


class HoldGiven(RequestBody):
    """A demand to preserve existing records. Nothing is captured, and nothing new is recorded."""

    authority: RequiredText = Field(description="Who demands it.")
    official: RequiredText = Field(description="The official who signed.")
    document: RequiredText = Field(description="The number of the written instrument.")
    ground: RequiredText = Field(description="The provision that it rests on.")
    reason: RequiredText = Field(description="Why it is recorded: the file, the ticket.")
    until: Moment | None = Field(None, description="When it ends by itself; or `days`.")
    days: int = Field(0, ge=0, le=LONGEST_DAYS, description="It ends in so many days; or `until`.")
    classes: Annotated[tuple[Text, ...], Items(64)] = Field(
        (), description="Classes of data; none: those that are kept by line."
    )
    subscribers: Annotated[tuple[SubscriberId, ...], Items(MAX_LINES)] = Field(
        (), description="Lines that it is limited to; none: every line."
    )


@routes.get("/holds", **takes(Permission.HOLDS_READ))
async def list_holds(
    caller: Called,
    everything: Annotated[bool, Query(description="Those that are over too, newest first.")] = False,
) -> ListPart[Plain]:
    """List the holds in force, the one that ends first in front."""
    found = await preservation.list_holds(caller.context, everything=everything)
    return ListPart(items=[_plain(each) for each in found], next=None)


@routes.post("/holds", status_code=201, **takes(Permission.HOLDS_WRITE))
async def add(attempt: Attempted, caller: Called, body: HoldGiven) -> Plain:
    """Keep existing records from being deleted, for 90 days at most; it ends by itself. One person is
    enough."""
    demand = HoldDemand(
        authority=body.authority,
        official=body.official,
        document=body.document,
        ground=body.ground,
        reason=body.reason,
        until="" if body.until is None else body.until.isoformat(),
        days=body.days,
        classes=body.classes,
        subscribers=body.subscribers,
    )

    async def act() -> ShownHold:
        return await preservation.add(caller.context, demand)

    return _plain(await once(attempt, caller, act))


@routes.get("/holds/{hold}", **takes(Permission.HOLDS_READ))
async def show(caller: Called, hold: Reference) -> Plain:
    """Show one hold with its lines."""
    return _plain(await preservation.show(caller.context, hold))


@routes.post("/holds/{hold}/end", **takes(Permission.HOLDS_WRITE))
async def end(
    attempt: Attempted,
    caller: Called,
    hold: Reference,
    reason: Annotated[RequiredText, Query(description="Why it ends before its time.")],
) -> Plain:
    """End a hold before its time."""

    async def act() -> ShownHold:
        return await preservation.end(caller.context, hold, reason=reason)

    return _plain(await once(attempt, caller, act))


def _plain(found: ShownHold) -> Plain:
    value: Plain = with_times(plain_hold(found))
    return value
