"""``/api/v1/subscribers/{id}/authorisations``: the persons whom the holder of a line authorised."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field

from filterd.model.subscriber import Authorisation, AuthorisationState
from filterd.model.token import Permission
from filterd.operations import authorisations, consent_history
from filterd.operations.authorisations import NewAuthorisation
from filterd.web.api.fields import LineId, RequestBody, RequiredText, time_of
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("consent")


class AuthorisationAsked(RequestBody):
    """The holder authorises a person."""

    person: RequiredText = Field(description="Who is authorised, as the holder names them.")
    reference: RequiredText = Field(description="The recording, ticket or document of the holder's request.")
    channel: Annotated[str, Field(min_length=1, max_length=32)] = Field(
        "api", description="The way by which the holder asked."
    )
    days: Annotated[int, Field(ge=1, le=authorisations.MOST_DAYS, strict=True)] = Field(
        authorisations.DEFAULT_DAYS, description="How long it holds."
    )


class AuthorisationShown(BaseModel):
    """A person whom the holder authorised."""

    authorisation: str
    person: str
    channel: str
    reference: str
    state: AuthorisationState
    made_by: str
    made_at: datetime | None
    expires_at: datetime | None
    revoked_by: str
    revoked_at: datetime | None


class NewAuthorisationShown(AuthorisationShown):
    """With the credential, this once."""

    credential: str = Field(description="Not stored, and not shown again.")


@routes.post("/subscribers/{id}/authorisations", status_code=201, **takes(Permission.CHOICES_WRITE))
async def authorise(
    attempt: Attempted, caller: Called, id: LineId, body: AuthorisationAsked
) -> NewAuthorisationShown:
    """Authorise another person for the line, as its holder asks. A repeat under the same key is told which
    authorisation was made (409): the credential is not shown again."""
    line = caller.require_line(id)

    async def act() -> NewAuthorisation:
        return await authorisations.add(
            caller.context,
            line,
            body.person,
            reference=body.reference,
            channel=body.channel,
            seconds=body.days * authorisations.DAY,
        )

    made = await once(attempt, caller, act)
    shown = _shown(made.authorisation, caller.context.clock()).model_dump()
    return NewAuthorisationShown(**shown, credential=made.credential)


@routes.get("/subscribers/{id}/authorisations", **takes(Permission.LINES_READ))
async def list_authorisations(caller: Called, id: LineId) -> list[AuthorisationShown]:
    """List the persons who were authorised, those among them who are so no longer. Those of a holder before,
    only to whom the audit trail is open."""
    record = await consent_history.record(caller.context, caller.require_line(id))
    if not caller.may(Permission.AUDIT_READ):
        record = consent_history.of_present_holder(record)
    return [_shown(each, caller.context.clock()) for each in record.authorisations]


@routes.delete("/subscribers/{id}/authorisations/{authorisation}", **takes(Permission.CHOICES_WRITE))
async def revoke(
    caller: Called,
    id: LineId,
    authorisation: Annotated[str, Path(max_length=24, description="As it is listed: A-7.")],
    reason: Annotated[RequiredText, Query(description="Why.")],
) -> AuthorisationShown:
    """End an authorisation at once."""
    ended = await authorisations.revoke(caller.context, caller.require_line(id), authorisation, reason=reason)
    return _shown(ended, caller.context.clock())


def _shown(found: Authorisation, now: float) -> AuthorisationShown:
    return AuthorisationShown(
        authorisation=found.reference_text,
        person=found.person,
        channel=found.channel,
        reference=found.reference,
        state=found.state(now),
        made_by=found.made_by,
        made_at=time_of(found.made_at),
        expires_at=time_of(found.expires_at),
        revoked_by=found.revoked_by,
        revoked_at=time_of(found.revoked_at),
    )
