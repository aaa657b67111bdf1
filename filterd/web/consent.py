"""``/api/v1/subscribers/{id}/consent``: the requests of a line with their texts, and what ends consent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel, Field

from filterd.model.subscriber import Subscriber
from filterd.model.token import Permission
from filterd.operations import consent, contract_events
from filterd.operations.consent import ConsentRequest, ContractEvent
from filterd.operations.context import Context
from filterd.operations.contract_events import NotedEvent
from filterd.policy.documents import ConsentText
from filterd.web.fields import LineId, RequestBody, RequiredText, Text, time_of
from filterd.web.representations import SubscriberShown
from filterd.web.routing import Called, router, takes
from filterd.web.subscribers import IfMatch, changed

routes = router("consent")


class TextShown(BaseModel):
    """A version of the text that is shown before a line opts in."""

    version: str
    since: str
    digest: str = Field(description="SHA-256 over both languages.")
    es: str
    en: str


class RequestShown(BaseModel):
    """A request of a line, or an event of its contract."""

    kind: str
    who: str
    role: str
    channel: str
    at: datetime | None
    reference: str
    text_version: str
    text_digest: str
    text: TextShown | None = Field(description="As its file is now; null: there is none.")
    text_is_as_shown: bool = Field(description="The file still holds what the digest is of.")


class ConsentShown(BaseModel):
    """The requests that the choices of a line rest on."""

    id: str
    opted_in: bool
    requests: list[RequestShown]


class EventGiven(RequestBody):
    """An event of the contract."""

    event: ContractEvent | NotedEvent = Field(
        description="transferred, cancelled, moved and reassigned end consent; added, suspended and resumed "
        "are recorded, and change nothing."
    )
    reference: RequiredText = Field(description="The document of the event.")
    reason: Text = ""


@routes.get("/consent-texts", **takes(Permission.PROFILES_READ))
async def texts(caller: Called) -> list[TextShown]:
    """List the texts that are shown before a line opts in."""
    return [_text(each) for each in consent.texts(caller.context)]


@routes.get("/consent-texts/{version}", **takes(Permission.PROFILES_READ))
async def text(caller: Called, version: Annotated[str, Path(max_length=40)]) -> TextShown:
    """Show one text, to be read aloud."""
    return _text(consent.text(caller.context, version))


@routes.get("/subscribers/{id}/consent", **takes(Permission.LINES_READ))
async def show(caller: Called, id: LineId) -> ConsentShown:
    """Show the requests of a line, oldest first."""
    found, asked = await consent.requests(caller.context, caller.require_line(id))
    return ConsentShown(
        id=found.id, opted_in=found.choices.opted_in, requests=[_request(each) for each in asked]
    )


@routes.post("/subscribers/{id}/contract-events", **takes(Permission.LINES_WRITE))
async def end(
    response: Response, caller: Called, id: LineId, body: EventGiven, if_match: IfMatch = None
) -> SubscriberShown:
    """Tell an event of the contract. One that ends it ends consent: the line asks for nothing any more."""
    event, words = body.event, {"reference": body.reference, "reason": body.reason}

    async def step(context: Context) -> Subscriber:
        if isinstance(event, NotedEvent):
            return await contract_events.note(context, id, event, **words)
        return await consent.end(context, id, event, **words)

    return await changed(caller, response, id, if_match, step)


def _text(found: ConsentText) -> TextShown:
    return TextShown(
        version=found.id, since=found.since, digest=found.digest, es=found.text.es, en=found.text.en
    )


def _request(found: ConsentRequest) -> RequestShown:
    evidence = found.evidence
    return RequestShown(
        kind=found.kind,
        who=evidence.who,
        role=evidence.role.value,
        channel=evidence.channel,
        at=time_of(evidence.at),
        reference=evidence.reference,
        text_version=evidence.text_version,
        text_digest=evidence.text_digest,
        text=None if found.text is None else _text(found.text),
        text_is_as_shown=found.text_is_as_shown,
    )
