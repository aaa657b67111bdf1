"""``/api/v1/subscribers/{id}/choices``: differences from the profile, hours of a line's own, and closings."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import BaseModel, Field, StrictBool

from filterd.model.subscriber import Subscriber
from filterd.model.token import Permission
from filterd.operations import choice_warnings, choices, closings, plans
from filterd.operations.choices import ADD, AS_PROFILE, TAKE, Wish
from filterd.operations.closings import Closed
from filterd.operations.context import Context
from filterd.operations.ends import End
from filterd.operations.plans import PlanChange
from filterd.operations.shown_adjustments import adjustments_of
from filterd.web.api.fields import Items, LineId, Moment, RequestBody, time_of
from filterd.web.api.repeats import Attempted
from filterd.web.api.representations import SubscriberShown
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.subscribers import IfMatch, changed
from filterd.web.api.warned import WarnedSubscriber

routes = router("choices")
MOST_WISHES = 100
Choice = Annotated[str, Field(min_length=3, max_length=64, description="KIND:ID, like category:games.")]
Choices = Annotated[tuple[Choice, ...], Items(MOST_WISHES)]
Ids = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=40)], ...], Items(MOST_WISHES)]
Day = Annotated[str, Field(min_length=8, max_length=10, description="A day, like 2026-12-25.")]
Days = Annotated[tuple[Day, ...], Items(MOST_WISHES)]


class Differences(RequestBody):
    """Changes of what a line has beyond or without its profile. KIND is category, service, safe-search or
    way."""

    add: Choices = Field((), description="Closed, whatever the profile has.")
    take: Choices = Field((), description="Left open, whatever the profile has.")
    as_profile: Choices = Field((), description="The profile decides again.")
    youtube: Literal["", "off", "moderate", "strict"] = ""
    reset: StrictBool = Field(False, description="The profile decides on all, before the rest counts.")


class PlanGiven(RequestBody):
    """A week of the line's own, in the words of a plan file."""

    schedule: Annotated[tuple[dict[str, Any], ...], Items(50)] | None = Field(
        None, description="The slots, in the place of the profile's; null: they stay."
    )
    as_profile: StrictBool = Field(False, description="Back to the profile's hours.")
    holidays: Days = Field((), description="Days on which no slot begins.")
    workdays: Days = Field((), description="Days that are holidays no more.")


class ClosingGiven(RequestBody):
    """A stretch that comes once, and ends by itself."""

    until: Moment = Field(description="The end, 7 days after the begin at most.")
    begin: Moment | None = Field(None, description="The begin; default: now.")
    everything: StrictBool = False
    childrens: StrictBool = Field(False, description="Children's things.")
    categories: Ids = ()
    services: Ids = ()


class DifferenceShown(BaseModel):
    """The ids of one kind that a line has beyond its profile, and without."""

    added: list[str] = []
    taken: list[str] = []


class ClosingShown(BaseModel):
    """A stretch that comes once."""

    begins_at: datetime | None
    ends_at: datetime | None
    block: Any = Field(description="As in a slot of a plan.")
    leaves: list[str] | None = None


class AdjustmentsShown(BaseModel):
    """The things that a line asks for beside its profile."""

    categories: DifferenceShown = DifferenceShown()
    services: DifferenceShown = DifferenceShown()
    safe_search: DifferenceShown = DifferenceShown()
    bypass: DifferenceShown = DifferenceShown()
    plan: list[dict[str, Any]] | None = Field(None, description="Null: its profile's hours.")
    holidays: list[str] = []
    once: list[ClosingShown] = []


@routes.get("/subscribers/{id}/choices", **takes(Permission.LINES_READ))
async def show(caller: Called, id: LineId) -> AdjustmentsShown:
    """Show what a line asks for beside its profile."""
    found, _ = await choices.show(caller.context, caller.require_line(id))
    plain = adjustments_of(found.choices.adjustments)
    for each in plain.get("once", ()):
        each |= {"begins_at": time_of(each["begins_at"]), "ends_at": time_of(each["ends_at"])}
    return AdjustmentsShown.model_validate(plain)


@routes.put("/subscribers/{id}/choices/differences", **takes(Permission.CHOICES_WRITE))
async def choose(
    response: Response, caller: Called, id: LineId, body: Differences, if_match: IfMatch = None
) -> WarnedSubscriber:
    """Change what a line has beyond or without its profile."""
    wishes = [
        Wish(act, each)
        for act, given in ((ADD, body.add), (TAKE, body.take), (AS_PROFILE, body.as_profile))
        for each in given
    ]

    told: list[str] = []

    async def step(context: Context) -> Subscriber:
        found, _ = await choices.choose(context, id, wishes, youtube=body.youtube, reset=body.reset)
        told.extend(await choice_warnings.of_wishes(context, wishes, found))
        return found

    line = await changed(caller, response, id, if_match, step)
    return WarnedSubscriber(**line.model_dump(), warnings=told)


@routes.put("/subscribers/{id}/choices/plan", **takes(Permission.CHOICES_WRITE))
async def plan(
    response: Response, caller: Called, id: LineId, body: PlanGiven, if_match: IfMatch = None
) -> SubscriberShown:
    """Set the hours of a line, or go back to those of its profile."""
    text = None if body.schedule is None else json.dumps({"schedule": body.schedule})
    wanted = PlanChange(text, "body", body.as_profile, body.holidays, body.workdays)

    async def step(context: Context) -> Subscriber:
        return (await plans.change(context, id, wanted))[0]

    return await changed(caller, response, id, if_match, step)


@routes.post("/subscribers/{id}/choices/closings", **takes(Permission.CHOICES_WRITE))
async def close(
    attempt: Attempted,
    response: Response,
    caller: Called,
    id: LineId,
    body: ClosingGiven,
    if_match: IfMatch = None,
) -> SubscriberShown:
    """Close things on a line for a stretch that comes once."""
    closed = Closed(body.everything, body.childrens, body.categories, body.services)
    begin = "" if body.begin is None else body.begin.isoformat()
    end = End(until=body.until.isoformat())

    async def step(context: Context) -> Subscriber:
        return (await closings.close(context, id, closed, end, begin=begin))[0]

    return await changed(caller, response, id, if_match, step, attempt)


@routes.delete("/subscribers/{id}/choices/closings", **takes(Permission.CHOICES_WRITE))
async def reopen(
    response: Response,
    caller: Called,
    id: LineId,
    coming: Annotated[bool, Query(description="Those too that have not begun.")] = False,
    if_match: IfMatch = None,
) -> SubscriberShown:
    """End the closings of a line that run."""

    async def step(context: Context) -> Subscriber:
        return (await closings.reopen(context, id, coming=coming))[0]

    return await changed(caller, response, id, if_match, step)
