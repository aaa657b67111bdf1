"""``/api/v1/profile-changes``: announced changes of profiles, which holders were told of."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field

from filterd.model.token import Permission
from filterd.operations import meanings
from filterd.operations.plain_values import with_times
from filterd.operations.shown_meanings import plain_change
from filterd.web.api.fields import ListPart, Plain, RequestBody, RequiredText
from filterd.web.api.routing import Called, router, takes

routes = router("profiles")


class HasteGiven(RequestBody):
    """The reason for which a change cannot wait."""

    reason: RequiredText = Field(description="Why it cannot wait, for the record.")


@routes.get("/profile-changes", **takes(Permission.PROFILES_READ))
async def list_changes(caller: Called) -> ListPart[Plain]:
    """List changes of profiles that lines were told of and that have not taken effect, with their dates."""
    found = await meanings.changes_in_words(caller.context)
    return ListPart(items=[with_times(plain_change(each)) for each in found], next=None)


@routes.post("/profile-changes/{profile}/hasten", **takes(Permission.PROFILES_WRITE))
async def hasten(caller: Called, profile: Annotated[str, Path(max_length=64)], body: HasteGiven) -> Plain:
    """Let an announced change take effect at once, where two people say so."""
    found: Plain = with_times(
        plain_change(await meanings.hasten(caller.context, profile, reason=body.reason))
    )
    return found
