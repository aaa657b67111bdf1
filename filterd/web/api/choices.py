"""``/api/v1/subscribers/{id}/choices`` and ``own-names``: the requests that a line's holder can make."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Path, Response
from pydantic import AfterValidator, Field, StrictBool

from filterd.model.subscriber import AskerRole, RequestEvidence
from filterd.model.token import Permission
from filterd.operations import input_values, subscribers
from filterd.operations.ends import STAYS, End
from filterd.operations.errors import UnknownError, UnknownLineError
from filterd.web.api.fields import LineId, Moment, RequestBody, RequiredText, Text, ZoneName
from filterd.web.api.paths import id_of
from filterd.web.api.repeats import Attempted
from filterd.web.api.representations import SubscriberShown, noted
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.subscribers import IfMatch, changed
from filterd.web.api.warned import WarnedSubscriber, profile_changed

routes = router("choices")
_ACCEPT_EMPTY = "Go on though no list of a category of the profile was ever read; else that is refused (409)."
ProfileId = Annotated[str, Field(min_length=1, max_length=64)]
OwnNameInPath = Annotated[
    str,
    Path(max_length=2048, description="A domain name, or a URL, which stands for its site, percent-encoded."),
    AfterValidator(id_of),
]


class EvidenceGiven(RequestBody):
    """The evidence that the line's holder asked."""

    who: RequiredText = Field(description="Who asked, and on what authority over the line.")
    channel: Annotated[str, Field(min_length=1, max_length=32)] = Field(
        "api", description="By which way: telephone, portal, counter."
    )
    at: Moment | None = Field(None, description="When; default: now.")
    text_version: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="The version of the text that was read out or shown."
    )
    reference: RequiredText = Field(description="The recording, ticket or document.")
    role: AskerRole = Field(AskerRole.HOLDER, description="The holder, or one whom the holder authorised.")
    credential: Annotated[str, Field(max_length=64, repr=False)] = Field(
        "", description="That of an authorised person, who needs one."
    )

    def as_evidence(self, now: float) -> RequestEvidence:
        """The evidence as the use cases take it."""
        at = self.at.timestamp() if self.at is not None else now
        return RequestEvidence(self.who, self.channel, at, self.text_version, self.reference, self.role)


class OptIn(RequestBody):
    """The restriction is asked for."""

    profile: ProfileId
    evidence: EvidenceGiven
    accept_empty: StrictBool = Field(False, description=_ACCEPT_EMPTY)


class OptOut(RequestBody):
    """The restriction is not wanted any more; nothing is required for that."""

    reason: Text = ""
    evidence: EvidenceGiven | None = None


class ProfileChoice(RequestBody):
    """Another profile."""

    profile: ProfileId
    accept_empty: StrictBool = Field(False, description=_ACCEPT_EMPTY)


class Pause(RequestBody):
    """A rest from the profile."""

    until: Moment = Field(description="When the profile comes back by itself; 7 days ahead at most.")


class ZoneChoice(RequestBody):
    """The time zone of the line's schedule."""

    zone: ZoneName


class SecurityChoice(RequestBody):
    """The choice to be outside the operator's own security blocking, or inside."""

    left: StrictBool


class OwnNameChoice(RequestBody):
    """The action on an own name."""

    action: Literal["allow", "block"]
    scope: Literal["exact", "subtree"] = "subtree"
    until: Moment | None = Field(
        None, description="When it ends by itself, 366 days ahead at most; null: it stays."
    )


class OwnNameReply(SubscriberShown):
    """A line after a change of its own names."""

    taken_as: str = Field(description="The name that was taken: of a URL, that of its site.")


@routes.put("/subscribers/{id}/choices/opt-in", **takes(Permission.CHOICES_WRITE))
async def opt_in(
    response: Response, caller: Called, id: LineId, body: OptIn, if_match: IfMatch = None
) -> WarnedSubscriber:
    """Turn the restriction on, at the holder's request and with the evidence of it."""
    evidence = body.evidence.as_evidence(caller.context.clock())
    return await profile_changed(
        caller,
        response,
        id,
        if_match,
        lambda context: subscribers.opt_in(
            context,
            id,
            body.profile,
            evidence,
            credential=body.evidence.credential,
            accept_empty=body.accept_empty,
        ),
    )


@routes.put("/subscribers/{id}/choices/opt-out", **takes(Permission.CHOICES_WRITE))
async def opt_out(
    response: Response, caller: Called, id: LineId, body: OptOut, if_match: IfMatch = None
) -> SubscriberShown:
    """Turn the restriction off, at once and without condition. Own block names stay."""
    given = body.evidence
    evidence = None if given is None else given.as_evidence(caller.context.clock())
    credential = "" if given is None else given.credential
    return await changed(
        caller,
        response,
        id,
        if_match,
        lambda context: subscribers.opt_out(
            context, id, reason=body.reason, evidence=evidence, credential=credential
        ),
    )


@routes.put("/subscribers/{id}/choices/profile", **takes(Permission.CHOICES_WRITE))
async def set_profile(
    response: Response, caller: Called, id: LineId, body: ProfileChoice, if_match: IfMatch = None
) -> WarnedSubscriber:
    """Change the profile of a line that has opted in."""
    return await profile_changed(
        caller,
        response,
        id,
        if_match,
        lambda context: subscribers.set_profile(context, id, body.profile, accept_empty=body.accept_empty),
    )


@routes.post("/subscribers/{id}/choices/profile/accept", **takes(Permission.CHOICES_WRITE))
async def accept_profile(
    attempt: Attempted, response: Response, caller: Called, id: LineId, if_match: IfMatch = None
) -> SubscriberShown:
    """Take the announced change of the line's profile now, before its date."""
    return await changed(
        caller, response, id, if_match, lambda context: subscribers.accept_profile(context, id), attempt
    )


@routes.put("/subscribers/{id}/choices/pause", **takes(Permission.CHOICES_WRITE))
async def pause(
    response: Response, caller: Called, id: LineId, body: Pause, if_match: IfMatch = None
) -> SubscriberShown:
    """Suspend the profile until a time. Own block names hold through it."""
    now = datetime.fromtimestamp(caller.context.clock(), UTC)
    seconds = math.ceil((body.until - now).total_seconds())
    return await changed(
        caller, response, id, if_match, lambda context: subscribers.pause(context, id, seconds)
    )


@routes.delete("/subscribers/{id}/choices/pause", **takes(Permission.CHOICES_WRITE))
async def resume(response: Response, caller: Called, id: LineId, if_match: IfMatch = None) -> SubscriberShown:
    """End a pause early."""
    return await changed(caller, response, id, if_match, lambda context: subscribers.resume(context, id))


@routes.put("/subscribers/{id}/choices/zone", **takes(Permission.CHOICES_WRITE))
async def set_zone(
    response: Response, caller: Called, id: LineId, body: ZoneChoice, if_match: IfMatch = None
) -> SubscriberShown:
    """Change the time zone in which the line's schedule runs."""
    return await changed(
        caller, response, id, if_match, lambda context: subscribers.set_zone(context, id, body.zone)
    )


@routes.put("/subscribers/{id}/choices/security", **takes(Permission.CHOICES_WRITE))
async def leave_security(
    response: Response, caller: Called, id: LineId, body: SecurityChoice, if_match: IfMatch = None
) -> SubscriberShown:
    """Take the line out of the operator's own security blocking, or back into it."""
    return await changed(
        caller,
        response,
        id,
        if_match,
        lambda context: subscribers.leave_security(context, id, left=body.left),
    )


@routes.put("/subscribers/{id}/own-names/{name}", **takes(Permission.OWN_NAMES))
async def put_own_name(
    response: Response,
    caller: Called,
    id: LineId,
    name: OwnNameInPath,
    body: OwnNameChoice,
    if_match: IfMatch = None,
) -> OwnNameReply:
    """Let a name through that the profile or security blocks, or block one: whichever it was before. A URL
    stands for its site."""
    act = subscribers.allow if body.action == "allow" else subscribers.deny
    scope = input_values.scope(body.scope)
    end = STAYS if body.until is None else End(until=body.until.isoformat())
    found = await changed(
        caller, response, id, if_match, lambda context: act(context, id, name, scope, end=end)
    )
    return OwnNameReply(**found.model_dump(), taken_as=input_values.site(name))


@routes.delete("/subscribers/{id}/own-names/{name}", **takes(Permission.OWN_NAMES))
async def delete_own_name(
    response: Response, caller: Called, id: LineId, name: OwnNameInPath, if_match: IfMatch = None
) -> OwnNameReply:
    """Take a name, or the site of a URL, off the line's own names, whether it was allowed or blocked."""
    try:
        found = await changed(
            caller, response, id, if_match, lambda context: subscribers.remove(context, id, name)
        )
    except UnknownError as error:
        if not isinstance(error, UnknownLineError):  # the remedy names those that there are
            await noted([await subscribers.show(caller.context, id)], caller)
        raise
    return OwnNameReply(**found.model_dump(), taken_as=input_values.site(name))
