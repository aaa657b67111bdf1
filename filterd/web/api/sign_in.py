"""``/api/v1/subscribers/{id}/sign-in-links`` and ``pin-reset``: how a holder comes into the portal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from filterd.model.token import Permission
from filterd.operations.portal import links, pins
from filterd.operations.portal.links import IssuedLink
from filterd.operations.repeats import Said
from filterd.web.api.fields import Items, LineId, RequestBody, RequiredText, SubscriberId, Text, time_of
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("portal")


class LinkAsked(RequestBody):
    """A link for the holder, for an authorised person, or for an organisation with several lines."""

    also: Annotated[tuple[SubscriberId, ...], Items(links.MOST_LINES - 1)] = Field(
        (), description="Other lines of the same organisation."
    )
    organisation: Text = Field("", description="The name of a school or library; several lines need it.")
    person: Annotated[str, Field(max_length=32)] = Field(
        "", description="The authorisation of the person whom it is for, like A-7; empty: the holder."
    )
    minutes: Annotated[int, Field(ge=1, le=links.MOST_SECONDS // 60, strict=True)] = Field(
        links.DEFAULT_SECONDS // 60, description="How long it can be used."
    )


class LinkMade(BaseModel):
    """A link and the code beside it: either signs in, once; both are shown this once."""

    link: str = Field(description="Its name in the audit trail.")
    url: str = Field(description="Opens a page with a button; opening it uses nothing.")
    code: str = Field(description="To be spoken, and typed on the portal.")
    expires_at: datetime | None
    subscribers: list[str]


class PinResetAsked(RequestBody):
    """The holder has asked the provider to take the PIN off."""

    reference: RequiredText = Field(description="The recording, ticket or document of the holder's request.")
    reason: RequiredText = Field(description="Why, without personal data: it stands in the audit trail.")


class PinReset(BaseModel):
    """The result of taking a PIN off."""

    removed: bool = Field(description="False: the line had none.")


@routes.post("/subscribers/{id}/sign-in-links", status_code=201, **takes(Permission.SIGN_IN))
async def issue(attempt: Attempted, caller: Called, id: LineId, body: LinkAsked) -> LinkMade:
    """Make a one-time link to the portal, with a code that can be spoken. Give it to whom it is for alone:
    who has it acts for the line. A repeat under the same key is refused (409): it was shown that once."""
    line, others = caller.require_line(id), [caller.require_line(each) for each in body.also]

    async def act() -> IssuedLink:
        return await links.issue(
            caller.context,
            line,
            also=others,
            organisation=body.organisation,
            person=body.person,
            seconds=body.minutes * 60,
            tell=not caller.may(Permission.OWN_NAMES),
        )

    made = await once(attempt, caller, act)
    return LinkMade(
        link=made.reference,
        url=made.url,
        code=made.code,
        expires_at=time_of(made.expires_at),
        subscribers=list(made.subscribers),
    )


@routes.post("/subscribers/{id}/pin-reset", **takes(Permission.CHOICES_WRITE))
async def reset_pin(attempt: Attempted, caller: Called, id: LineId, body: PinResetAsked) -> PinReset:
    """Take the PIN off a line, at its holder's request. The holder chooses another one in the portal."""
    line = caller.require_line(id)

    async def act() -> Said:
        gone = await pins.reset(caller.context, line, reference=body.reference, reason=body.reason)
        return Said({"removed": gone})

    return PinReset(**(await once(attempt, caller, act)).values)
