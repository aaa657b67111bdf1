"""``/api/v1/subscribers``: lines are listed, registered, shown and removed, and prefixes bound to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import Header, Query, Response
from pydantic import Field, StrictBool

from filterd.model.subscriber import Subscriber
from filterd.model.token import Permission
from filterd.operations import bindings, erasure, subscribers
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.selection import Selection
from filterd.web.api.callers import Caller
from filterd.web.api.fields import (
    BoundText,
    Items,
    LineId,
    ListPart,
    RequestBody,
    RequiredText,
    SubscriberId,
    ZoneName,
)
from filterd.web.api.problems import RefusedCall
from filterd.web.api.repeats import Attempt, Attempted, once
from filterd.web.api.representations import SubscriberShown, all_shown, etag, shown, unchanged
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.whole_reads import whole_read

routes = router("subscribers")
PATH = "/api/v1/subscribers"
IfMatch = Annotated[str | None, Header(description="The ETag that the subscriber must still have.")]


class Registration(RequestBody):
    """A line to register."""

    id: SubscriberId = Field(description="Your own name for the line.")
    zone: ZoneName | None = Field(None, description="IANA time zone; default: that of the installation.")
    prefixes: Annotated[tuple[BoundText, ...], Items(100)] = Field(
        (), description="Static prefixes of the line."
    )
    wide: StrictBool = Field(False, description="Prefixes wider than a line has are meant.")


class BindingAsked(RequestBody):
    """Something to bind to a line."""

    bound: BoundText = Field(
        description="An address or prefix, ports of an address (192.0.2.1:1024-2047), or an identity "
        "(mac:, device:, cpe:, tlv:)."
    )
    wide: StrictBool = Field(False, description="A prefix wider than a line has is meant.")


class Erased(RequestBody):
    """The extent of an erasure."""

    line: int
    revision: int
    bindings: int
    requests: int
    changes: int


@routes.get("/subscribers", **takes(Permission.LINES_READ))
async def list_subscribers(
    caller: Called,
    after: Annotated[str, Query(max_length=128, description="Go on behind this id.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    state: Annotated[
        Literal["", "opted-in", "paused", "not-opted-in", "left-security"],
        Query(description="Lines in this state alone."),
    ] = "",
    profile: Annotated[str, Query(max_length=64, description="Lines with this profile alone.")] = "",
) -> ListPart[SubscriberShown]:
    """List the lines in the order of their ids. By state or profile all of them may be looked at: two such
    lists are made at a time."""
    wanted = Selection(state=state, profile=profile, begins=caller.token.lines)
    listed = subscribers.list_subscribers(caller.context, wanted=wanted, after=after, limit=limit + 1)
    with whole_read(caller.state) if state or profile else nullcontext():
        found = [each async for each in listed]
    more = len(found) > limit
    items = await all_shown(found[:limit], caller)
    return ListPart(items=items, next=items[-1].id if more else None)


@routes.post("/subscribers", status_code=201, **takes(Permission.LINES_WRITE))
async def register(
    attempt: Attempted,
    response: Response,
    caller: Called,
    body: Registration,
) -> SubscriberShown:
    """Register a line, with its static prefixes. It asks for nothing yet: it sees mandatory blocking only."""
    if not caller.reaches(body.id):
        message = f"this token is limited to ids that begin with {caller.token.lines!r}"
        raise RefusedCall(HTTPStatus.FORBIDDEN, message, "register it under such an id, or use another token")

    async def act() -> Subscriber:
        with _unnamed(caller):
            return await subscribers.add(
                caller.context, body.id, zone=body.zone or "", prefixes=body.prefixes, wide=body.wide
            )

    made = await once(attempt, caller, act)
    response.headers["Location"] = f"{caller.state.public_url}{PATH}/{quote(made.id, safe='')}"
    return await tagged(made, caller, response)


@routes.get("/subscribers/{id}", **takes(Permission.LINES_READ))
async def show(response: Response, caller: Called, id: LineId) -> SubscriberShown:
    """Show one line with its choices and bindings."""
    found = await subscribers.show(caller.context, caller.require_line(id))
    return await tagged(found, caller, response)


@routes.delete("/subscribers/{id}", **takes(Permission.LINES_WRITE))
async def erase(
    caller: Called,
    id: LineId,
    reason: Annotated[RequiredText, Query(description="Why: the request, its reference.")],
    if_match: IfMatch = None,
) -> Erased:
    """Remove the line and delete everything that leads to a person."""
    context = caller.expecting(unchanged(caller, if_match))
    done = await erasure.erase(
        context, caller.require_line(id), reason=reason, frank=caller.may(Permission.HOLDS_READ)
    )
    return Erased(
        line=done.line,
        revision=done.revision,
        bindings=done.bindings,
        requests=done.requests,
        changes=done.changes,
    )


@routes.post("/subscribers/{id}/bindings", status_code=201, **takes(Permission.LINES_WRITE))
async def bind(
    attempt: Attempted,
    response: Response,
    caller: Called,
    id: LineId,
    body: BindingAsked,
    if_match: IfMatch = None,
) -> SubscriberShown:
    """Bind a prefix, ports of an address, or an identity to the line."""

    async def act() -> Subscriber:
        context = caller.expecting(unchanged(caller, if_match))
        with _unnamed(caller):
            await bindings.add(context, body.bound, caller.require_line(id), wide=body.wide)
        return await subscribers.show(caller.context, id)

    return await tagged(await once(attempt, caller, act), caller, response)


@routes.delete("/subscribers/{id}/bindings", **takes(Permission.LINES_WRITE))
async def unbind(
    response: Response,
    caller: Called,
    id: LineId,
    bound: Annotated[BoundText, Query(description="What is bound, as the line shows it.")],
    if_match: IfMatch = None,
) -> SubscriberShown:
    """End a binding of the line."""
    context = caller.expecting(unchanged(caller, if_match))
    await bindings.remove(context, bound, subscriber=caller.require_line(id))
    return await tagged(await subscribers.show(caller.context, id), caller, response)


async def changed(
    caller: Caller,
    response: Response,
    id: LineId,
    if_match: str | None,
    step: Callable[[Context], Awaitable[Subscriber]],
    attempt: Attempt | None = None,
) -> SubscriberShown:
    """Change a line by a use case, once under the key of an attempt; the line as it is then."""
    caller.require_line(id)

    async def act() -> Subscriber:
        return await step(caller.expecting(unchanged(caller, if_match)))

    found = await act() if attempt is None else await once(attempt, caller, act)
    return await tagged(found, caller, response)


@contextmanager
def _unnamed(caller: Caller) -> Iterator[None]:
    """Keep the ids of other lines, which a conflict names, from a token that is limited to some."""
    try:
        yield
    except ConflictError as error:
        if not caller.token.lines:
            raise
        message = "this is bound to another line, or the id is taken"
        raise ConflictError(message, "ask the operator who has it") from error


async def tagged(found: Subscriber, caller: Caller, response: Response) -> SubscriberShown:
    """The representation, its ETag in the response."""
    response.headers["ETag"] = etag(found, caller)
    return await shown(found, caller)
