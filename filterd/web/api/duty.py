"""``/api/v1/duty``: what is due, what authorities asked, hand-overs, and the roster."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from filterd.model.duty import AskedKind, AskedStep, AskedWay, AuthorityRequest, ContactKind, DutyContact
from filterd.model.token import Permission
from filterd.operations.duty import due, handing_over, requests, roster
from filterd.operations.duty.plain import plain_due, plain_handover, plain_request, plain_roster
from filterd.operations.duty.requests import MAX_WORDS, RequestAsked, Search, StepTaken
from filterd.operations.plain_values import plain, with_times
from filterd.operations.repeats import Said
from filterd.web.api.callers import Caller
from filterd.web.api.fields import ListPart, Moment, Plain, RequestBody, RequiredText, Text
from filterd.web.api.orders import seconds
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("duty")
RequestName = Annotated[str, Path(max_length=24, description="The number of a request, like P-7.")]
ContactName = Annotated[str, Path(max_length=128, description="An account, or an authority.")]
Numbered = Annotated[int, Path(ge=1, le=2**53, description="The number.")]
_READ, _WRITE = Permission.DUTY_READ, Permission.DUTY_WRITE


class AuthorityAsked(RequestBody):
    """A request of an authority as it came in."""

    authority: RequiredText = Field(description="An id of the jurisdiction's file, or a name.")
    document: Text = Field("", description="The number of its paper; a telephone call may have none.")
    asked: Annotated[str, Field(min_length=1, max_length=MAX_WORDS)] = Field(description="In a few words.")
    kind: AskedKind = AskedKind.BLOCK
    way: AskedWay = AskedWay.MAIL
    official: Text = ""
    received_at: Moment | None = Field(None, description="When it came in; null: now.")
    due_at: Moment | None = Field(None, description="By when it needs an outcome; null: by the settings.")


class RequestStepGiven(RequestBody):
    """A step of a request."""

    step: AskedStep
    reason: Text = Field("", description="Of a refusal: one of the fixed list.")
    reference: Text = Field("", description="The order, or whom it was forwarded to.")
    text: str = Field("", max_length=MAX_WORDS, description="Further words.")


class HandOverGiven(RequestBody):
    """The words to the next officer."""

    text: Annotated[str, Field(min_length=1, max_length=handing_over.MAX_WORDS)]


class ShiftGiven(RequestBody):
    """A shift of an officer."""

    account: RequiredText
    begins_at: Moment
    ends_at: Moment
    deputy: Text = ""


class NoticeGiven(RequestBody):
    """The notice to the authority of a change of officer."""

    reference: RequiredText = Field(description="Of the notice.")


class ShiftRemoved(RequestBody):
    """The removal of a shift."""

    reason: RequiredText


class ContactGiven(RequestBody):
    """The way to reach somebody."""

    kind: ContactKind
    name: Text = ""
    telephone: RequiredText
    mail: Text = ""
    deputy: Text = ""
    note: Text = ""


@routes.get("/duty/due", **takes(_READ))
async def everything_due(
    caller: Called,
    within: Annotated[
        int | None, Query(ge=0, le=31_622_400, description="Only what is late, or due in so many seconds.")
    ] = None,
) -> Plain:
    """List everything that is due at the duty desk, the late first, without the name of any site."""
    found: Plain = with_times(plain_due(await due.everything(caller.context, within=within)))
    return found


@routes.get("/duty/requests", **takes(_READ))
async def list_requests(
    caller: Called,
    document: Annotated[str, Query(max_length=256, description="A document number.")] = "",
    authority: Annotated[str, Query(max_length=256, description="An id, or a name.")] = "",
    day: Annotated[str, Query(max_length=10, description="An ISO date in the installation's zone.")] = "",
) -> ListPart[Plain]:
    """Find what authorities asked, the newest first: by document number, or by authority and day."""
    found = await requests.search(caller.context, Search(document, authority, day))
    return ListPart(items=[_request(each, caller) for each in found], next=None)


@routes.post("/duty/requests", status_code=201, **takes(_WRITE))
async def note_request(attempt: Attempted, caller: Called, body: AuthorityAsked) -> Plain:
    """Note a request of an authority; its clock runs until it has an outcome, such as an order."""
    asked = RequestAsked(
        body.authority,
        body.document,
        body.asked,
        body.kind,
        body.way,
        body.official,
        seconds(body.received_at),
        seconds(body.due_at),
    )

    async def act() -> AuthorityRequest:
        return await requests.enter(caller.context, asked)

    return _request(await once(attempt, caller, act), caller)


@routes.get("/duty/requests/{request}", **takes(_READ))
async def show_request(caller: Called, request: RequestName) -> Plain:
    """Show what an authority asked, and what became of it."""
    return _request(await requests.show(caller.context, request), caller)


@routes.post("/duty/requests/{request}/steps", **takes(_WRITE))
async def take_step(
    attempt: Attempted, caller: Called, request: RequestName, body: RequestStepGiven
) -> Plain:
    """Note what became of a request, or a step on the way. Steps are never changed."""
    taken = StepTaken(body.step, body.reason, body.reference, body.text)

    async def act() -> AuthorityRequest:
        return await requests.take(caller.context, request, taken)

    return _request(await once(attempt, caller, act), caller)


@routes.get("/duty/handovers", **takes(_READ))
async def list_handovers(caller: Called) -> ListPart[Plain]:
    """List the newest hand-overs."""
    found = await handing_over.listed(caller.context)
    return ListPart(items=[with_times(plain_handover(each)) for each in found], next=None)


@routes.post("/duty/handovers", status_code=201, **takes(_WRITE))
async def write_handover(attempt: Attempted, caller: Called, body: HandOverGiven) -> Plain:
    """Write what the next officer must know; what is open now is kept with it."""

    async def act() -> Said:
        made = await handing_over.write_down(caller.context, body.text)
        return Said({"number": made.number, "open_items": len(made.open_items)})

    return (await once(attempt, caller, act)).values


@routes.post("/duty/handovers/{number}/read", **takes(_WRITE))
async def read_handover(attempt: Attempted, caller: Called, number: Numbered) -> Plain:
    """Acknowledge a hand-over, as another person than its writer."""

    async def act() -> Said:
        return Said({"number": (await handing_over.read(caller.context, number)).number})

    return (await once(attempt, caller, act)).values


@routes.get("/duty/roster", **takes(_READ))
async def show_roster(caller: Called) -> Plain:
    """Show who is on duty when, gaps, changes that no authority was told of, and how to reach people."""
    found: Plain = with_times(plain_roster(await roster.look(caller.context)))
    return found


@routes.post("/duty/shifts", status_code=201, **takes(_WRITE))
async def add_shift(attempt: Attempted, caller: Called, body: ShiftGiven) -> Plain:
    """Put somebody on the roster."""

    async def act() -> Said:
        begins, ends = seconds(body.begins_at), seconds(body.ends_at)
        made = await roster.add(caller.context, body.account, begins, ends, deputy=body.deputy)
        return Said({"number": made.number})

    return (await once(attempt, caller, act)).values


@routes.post("/duty/shifts/{number}/remove", **takes(_WRITE))
async def remove_shift(attempt: Attempted, caller: Called, number: Numbered, body: ShiftRemoved) -> Plain:
    """Take a shift off the roster."""

    async def act() -> Said:
        await roster.remove(caller.context, number, reason=body.reason)
        return Said({"number": number})

    return (await once(attempt, caller, act)).values


@routes.post("/duty/shifts/{number}/told", **takes(_WRITE))
async def told_shift(attempt: Attempted, caller: Called, number: Numbered, body: NoticeGiven) -> Plain:
    """Note that the authority was told of the change of officer with which a shift begins, and of those
    before it."""

    async def act() -> Said:
        return Said({"shifts": await roster.told(caller.context, number, reference=body.reference)})

    return (await once(attempt, caller, act)).values


@routes.put("/duty/contacts/{contact}", **takes(_WRITE))
async def put_contact(caller: Called, contact: ContactName, body: ContactGiven) -> Plain:
    """Note how to reach an officer or an authority."""
    given = DutyContact(contact, body.kind, body.name, body.telephone, body.mail, body.deputy, body.note)
    found: Plain = plain(await roster.put_contact(caller.context, given))
    return found


@routes.delete("/duty/contacts/{contact}", **takes(_WRITE))
async def remove_contact(caller: Called, contact: ContactName) -> Plain:
    """Forget how to reach somebody."""
    await roster.remove_contact(caller.context, contact)
    return {"id": contact}


def _request(found: AuthorityRequest, caller: Caller) -> Plain:
    shown: Plain = with_times(plain_request(found, caller.context.clock()))
    return shown
