"""``/api/v1/subscribers/{id}/consent``: the requests of a line with their texts, and what ends consent."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from filterd.model.token import Permission
from filterd.operations import consent, consent_history, consent_proof
from filterd.operations.consent import ConsentRequest, ContractEvent, TextState
from filterd.operations.consent_history import ConsentChange
from filterd.policy.documents import ConsentText
from filterd.web.api.fields import LineId, Plain, RequestBody, RequiredText, Text, time_of
from filterd.web.api.repeats import Attempted
from filterd.web.api.representations import SubscriberShown
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.subscribers import IfMatch, changed

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
    text: TextShown | None = Field(description="What was shown; null: nobody kept it.")
    text_is_as_shown: bool = Field(description="The file still holds what the digest is of.")
    text_state: TextState
    authorisation: str | None = Field(description="Of the authorised person who asked: A-7.")
    shared: str | None = Field(description="The shared evidence that it is part of: E-7.")
    recorded_by: str
    recorded_at: datetime | None
    source: str = Field(description="The begin of the SHA-256 of the file that it was imported from.")


class ChangeShown(BaseModel):
    """One act on the line."""

    at: datetime | None
    actor: str
    action: str
    channel: str
    changed: list[str] = Field(description="The parts of its choices; of own names, that they changed.")


class ConsentShown(BaseModel):
    """The requests that the choices of a line rest on."""

    id: str
    opted_in: bool
    since: datetime | None
    shared: bool = Field(description="Its choices rest on evidence that other lines have too.")
    pending: str | None = Field(description="Shared evidence that waits for a second person: E-7.")
    requests: list[RequestShown]
    changes: list[ChangeShown]


class EventGiven(RequestBody):
    """An event of the contract."""

    event: ContractEvent = Field(
        description="transferred, cancelled, moved and reassigned end consent; added, suspended and "
        "reactivated are recorded, and change nothing."
    )
    reference: RequiredText = Field(description="The document of the event.")
    reason: Text = ""


@routes.get("/consent-texts", **takes(Permission.PROFILES_READ))
async def texts(caller: Called) -> list[TextShown]:
    """List the texts that are shown before a line opts in."""
    return [_text(each) for each in consent.texts(caller.context)]


@routes.get("/consent-texts/{version}", **takes(Permission.PROFILES_READ))
async def text(
    caller: Called,
    version: Annotated[str, Path(max_length=64)],
    digest: Annotated[str, Query(max_length=64, description="That which was used, by its SHA-256.")] = "",
) -> TextShown:
    """Show one text, to be read aloud; with its digest, as it was used, whatever became of its file."""
    return _text(await consent.text_or_used(caller.context, version, digest))


@routes.get("/subscribers/{id}/consent", **takes(Permission.LINES_READ))
async def show(caller: Called, id: LineId) -> ConsentShown:
    """Show how consent came, since when, the texts that were shown, and each change after it. Of a holder
    before, only to whom the audit trail is open."""
    found = await consent_history.record(caller.context, caller.require_line(id))
    if not caller.may(Permission.AUDIT_READ):
        found = consent_history.of_present_holder(found)
    basis, waiting = found.basis, found.pending
    return ConsentShown(
        id=found.subscriber.id,
        opted_in=found.subscriber.choices.opted_in,
        since=time_of(found.since),
        shared=basis is not None and basis.evidence.shared > 0,
        pending=None if waiting is None else f"E-{waiting.evidence.shared}",
        requests=[_request(each) for each in found.requests],
        changes=[_change(each) for each in found.changes],
    )


@routes.get("/subscribers/{id}/consent/proof", **takes(Permission.CHECK_LINES))
async def prove(caller: Called, id: LineId) -> Plain:
    """Prove what can act on a line, by the engine that nodes decide with."""
    found = await consent_proof.prove(caller.context, caller.require_line(id))
    return {"only_orders": found.only_orders, "never_asked": found.never_asked, **asdict(found)}


@routes.post("/subscribers/{id}/contract-events", **takes(Permission.LINES_WRITE))
async def end(
    attempt: Attempted,
    response: Response,
    caller: Called,
    id: LineId,
    body: EventGiven,
    if_match: IfMatch = None,
) -> SubscriberShown:
    """Record an event of the contract. Some change nothing: added, suspended, reactivated."""
    return await changed(
        caller,
        response,
        id,
        if_match,
        lambda context: consent.end(context, id, body.event, reference=body.reference, reason=body.reason),
        attempt,
    )


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
        text_state=found.text_state,
        authorisation=f"A-{evidence.authorisation}" if evidence.authorisation else None,
        shared=f"E-{evidence.shared}" if evidence.shared else None,
        recorded_by=evidence.recorded_by,
        recorded_at=time_of(evidence.recorded_at),
        source=evidence.source,
    )


def _change(found: ConsentChange) -> ChangeShown:
    return ChangeShown(
        at=time_of(found.at),
        actor=found.actor,
        action=found.action,
        channel=found.channel,
        changed=list(found.changed),
    )
