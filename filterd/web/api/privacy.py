"""``/api/v1``: exports, ARCO requests, retention and breach reports, in the form that commands print."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field, StrictBool

from filterd.model.arco import ArcoKind, ArcoOutcome
from filterd.model.token import Permission
from filterd.operations import erasure
from filterd.operations.plain_values import plain, with_times
from filterd.operations.privacy import arco, breach, holders_copy, preservation, retention
from filterd.operations.privacy.arco import ShownArco
from filterd.operations.privacy.breach import BreachReport, Exposure
from filterd.operations.privacy.plain import plain_arco, plain_proof, plain_table, without_small
from filterd.operations.privacy.texts import breach_notice
from filterd.web.api.callers import Caller
from filterd.web.api.entries import sees_all
from filterd.web.api.fields import (
    LineId,
    ListPart,
    Moment,
    Plain,
    RequestBody,
    RequiredText,
    SubscriberId,
    Text,
)
from filterd.web.api.problems import unknown_subscriber
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.whole_reads import ONE_OF_FEW

routes = router("privacy")
REVISIONS = 2**53


class ArcoGiven(RequestBody):
    """A request of a holder."""

    id: SubscriberId
    kind: ArcoKind
    channel: Annotated[RequiredText, Field(max_length=32)]
    ticket: RequiredText = Field(description="The reference under which you keep who asked.")
    received_on: Text = Field("", description="An ISO date; default: today.")


class ArcoAnswer(RequestBody):
    """The answer that the holder got."""

    outcome: Literal["granted", "partly", "refused"]
    reason: Text = Field("", description="Required where it was not granted in full.")


class ReasonGiven(RequestBody):
    """A reason, as the holder was told."""

    reason: RequiredText


class ArcoClosing(RequestBody):
    """The end of a request."""

    reason: Text = ""


class ExposureGiven(RequestBody):
    """The thing that was exposed: one of the first four."""

    store: StrictBool = False
    backup_revision: int = Field(0, ge=0, le=REVISIONS, description="A backup on record, by its revision.")
    node: Text = ""
    token: Text = Field("", description="A name, or a number as T-7.")
    since: Moment | None = None
    after: int = Field(0, ge=0, le=REVISIONS, description="Go on behind this line number.")
    limit: int = Field(1000, ge=1, le=10_000)


@routes.get("/subscribers/{id}/export", **takes(Permission.RIGHTS))
async def export(
    caller: Called, id: LineId, text: Annotated[bool, Query(description="With a text in Spanish.")] = False
) -> Plain:
    """Everything that is held of a line."""
    line = caller.require_line(id)
    if text:
        held, words = await holders_copy.copy_of(caller.context, line)
        return {**with_times(plain(held)), "text": words}
    found: Plain = with_times(plain(await erasure.export(caller.context, line)))
    return found


@routes.get("/arco-requests", **takes(Permission.RIGHTS))
async def list_requests(
    caller: Called, closed: Annotated[bool, Query(description="Those that are closed too.")] = False
) -> list[Plain]:
    """List the requests of holders, the most urgent first."""
    found = await arco.list_requests(caller.context, closed=closed)
    held = await preservation.held_requests(caller.context, found) if _sees_holds(caller) else {}
    return [_request(each, held.get(each.reference, 0)) for each in found if caller.reaches(each.id)]


def _sees_holds(caller: Caller) -> bool:
    return caller.may(Permission.HOLDS_READ)


@routes.post("/arco-requests", status_code=201, **takes(Permission.RIGHTS))
async def add(attempt: Attempted, caller: Called, body: ArcoGiven) -> Plain:
    """Put a request of a holder on record; the reply has the last day to answer it."""
    line = caller.require_line(body.id)

    async def act() -> ShownArco:
        return await arco.add(
            caller.context,
            line,
            body.kind,
            channel=body.channel,
            ticket=body.ticket,
            received_on=body.received_on,
        )

    return _request(await once(attempt, caller, act))


@routes.post("/arco-requests/{request}/answer", **takes(Permission.RIGHTS))
async def answer(attempt: Attempted, caller: Called, request: str, body: ArcoAnswer) -> Plain:
    """Record the answer to a request."""
    await _require_reached(caller, request)
    outcome = ArcoOutcome(body.outcome)

    async def act() -> ShownArco:
        return await arco.answer(caller.context, request, outcome, reason=body.reason)

    return _request(await once(attempt, caller, act))


@routes.post("/arco-requests/{request}/extension", **takes(Permission.RIGHTS))
async def extend(attempt: Attempted, caller: Called, request: str, body: ReasonGiven) -> Plain:
    """Extend the term that runs by as long again, once."""
    await _require_reached(caller, request)

    async def act() -> ShownArco:
        return await arco.extend(caller.context, request, reason=body.reason)

    return _request(await once(attempt, caller, act))


@routes.post("/arco-requests/{request}/closing", **takes(Permission.RIGHTS))
async def close(attempt: Attempted, caller: Called, request: str, body: ArcoClosing) -> Plain:
    """Record that what was granted is carried out."""
    await _require_reached(caller, request)

    async def act() -> ShownArco:
        return await arco.close(caller.context, request, reason=body.reason)

    return _request(await once(attempt, caller, act))


@routes.get("/retention", **takes(Permission.PRIVACY_READ))
async def table(caller: Called) -> list[Plain]:
    """List the classes of data: what each holds, how long it is kept, and what there is of it now.
    To a regulator small counts are null."""
    found: list[Plain] = with_times(plain_table(await retention.show(caller.context)))
    return found if sees_all(caller) else without_small(found)


@routes.post("/retention/run", **takes(Permission.PRIVACY_WRITE))
async def run(caller: Called) -> Plain:
    """Delete what is past its term now."""
    found: Plain = with_times(plain(await retention.run(caller.context)))
    return found


@routes.post("/retention/proof", **takes(Permission.PRIVACY_WRITE), **ONE_OF_FEW)
async def prove(caller: Called) -> Plain:
    """Look whether anything past its term remains, in the store, its file and the backups."""
    found: Plain = with_times(plain_proof(await retention.prove(caller.context)))
    return found


@routes.post("/breach-reports", **takes(Permission.PRIVACY_READ), **ONE_OF_FEW)
async def report(caller: Called, body: ExposureGiven) -> Plain:
    """List the lines whose data was exposed, with counts by class and the notice to the holders.

    Ids and numbers of lines are there for a token that may read lines; for others there are the counts, and
    to a regulator small ones are null.
    """
    exposure = Exposure(
        store=body.store,
        backup_revision=body.backup_revision,
        node=body.node,
        credential=body.token,
        since=0.0 if body.since is None else body.since.timestamp(),
    )
    found = breach.within(await breach.report(caller.context, exposure), caller.token.lines)
    return await asyncio.to_thread(_report, found, caller, body)  # up to 10,000 lines take 0.3 s


def _report(found: BreachReport, caller: Caller, body: ExposureGiven) -> Plain:
    lines: ListPart[Plain] | None = None
    if caller.may(Permission.LINES_READ):
        behind = [each for each in found.lines if each.line > body.after]
        items = behind[: body.limit]
        more = str(items[-1].line) if len(behind) > body.limit else None
        lines = ListPart(items=[plain(each) for each in items], next=more)
    counts: Mapping[str, int | None] = found.counts
    if not sees_all(caller):
        counts = breach.without_small(found.counts)
    return {
        "what": found.what,
        "since": with_times({"at": found.since})["at"] if found.since else None,
        "pseudonymous": found.pseudonymous,
        "counts": counts,
        "lines": None if lines is None else lines.model_dump(),
        "notice": breach_notice(found, told=counts["lines"] is not None),
    }


async def _require_reached(caller: Caller, request: str) -> None:
    """Refuse a request about a line beyond the token's limit as if there were none."""
    if not caller.token.lines:
        return
    every = await arco.list_requests(caller.context, closed=True)
    if not any(each.reference == request.strip() and caller.reaches(each.id) for each in every):
        raise unknown_subscriber()


def _request(found: ShownArco, held_until: int = 0) -> Plain:
    value: Plain = with_times(plain_arco(found, held_until))
    return value
