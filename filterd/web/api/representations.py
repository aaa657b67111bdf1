"""A subscriber as the API shows one, with the tag of its state."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus

from pydantic import BaseModel, Field

from filterd.model.subscriber import Subscriber
from filterd.model.token import Permission
from filterd.operations import view_codes
from filterd.operations.erasure import choices_of
from filterd.web.api.callers import Caller
from filterd.web.api.fields import time_of
from filterd.web.api.problems import RefusedCall


class OwnNameShown(BaseModel):
    """A name that the line itself blocks or allows."""

    name: str
    action: str
    scope: str
    until: datetime | None = Field(None, description="Its end; null: it stays.")


class SubscriberShown(BaseModel):
    """A line with its choices and bindings."""

    id: str
    line: int
    added_at: datetime | None
    opted_in: bool
    profile: str = Field(description="Empty where it has not opted in.")
    zone: str
    paused_until: datetime | None
    security_left: bool
    own_names_count: int
    own_names: list[OwnNameShown] | None = Field(
        description="Null for a token that may not see them: there is their number only."
    )
    bindings: list[str]


def own_names_of(found: Subscriber) -> list[OwnNameShown]:
    """The own names of a line."""
    return [
        OwnNameShown(
            name=each.name, action=each.action.word, scope=each.scope.word, until=time_of(each.until)
        )
        for each in found.choices.own_names
    ]


async def shown(found: Subscriber, caller: Caller) -> SubscriberShown:
    """The representation of a line for a caller."""
    return (await all_shown((found,), caller))[0]


async def all_shown(found: Sequence[Subscriber], caller: Caller) -> list[SubscriberShown]:
    """The representations for a caller; own names are kept from one who may not see them, and that a person
    sees some is on record first."""
    await noted(found, caller)
    return [_shown(each, caller) for each in found]


async def noted(found: Sequence[Subscriber], caller: Caller) -> None:
    """Put on record whose own names a person is about to see. A program is none (decision 0414)."""
    if caller.may(Permission.OWN_NAMES) and not caller.token.system:
        await view_codes.note_looks(caller.context, found)


def _shown(found: Subscriber, caller: Caller) -> SubscriberShown:
    choices, own = found.choices, own_names_of(found)
    return SubscriberShown(
        id=found.id,
        line=found.line,
        added_at=time_of(found.added_at),
        opted_in=choices.opted_in,
        profile=choices.profile,
        zone=choices.zone,
        paused_until=time_of(choices.paused_until),
        security_left=choices.security_left,
        own_names_count=len(own),
        own_names=own if caller.may(Permission.OWN_NAMES) else None,
        bindings=list(found.bindings),
    )


def etag(found: Subscriber, caller: Caller) -> str:
    """The tag of the subscriber's state. It is keyed: nobody can try out what own names it was made of."""
    state = json.dumps(choices_of(found), sort_keys=True).encode()
    return f'"{hmac.digest(caller.state.etag_key, state, "sha256").hex()[:32]}"'


def unchanged(caller: Caller, if_match: str | None) -> Callable[[Subscriber], None]:
    """The look at a line before it is changed: it must have a tag of ``If-Match``, where that came."""

    def look(found: Subscriber) -> None:
        if if_match is None or if_match.strip() == "*":
            return
        if etag(found, caller) not in [each.strip() for each in if_match.split(",")]:
            message = "the subscriber was changed since its ETag was given"
            remedy = "GET it again, look at what changed, and repeat the change with the new ETag"
            raise RefusedCall(HTTPStatus.PRECONDITION_FAILED, message, remedy)

    return look
