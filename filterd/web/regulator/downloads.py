"""``/regulator/downloads`` and ``/regulator/verify``: what to take along, and how to verify it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.evidence_pack.scope import scope_of
from filterd.operations.evidence_pack.stream import EvidenceStream
from filterd.operations.signing import Purpose
from filterd.operations.trail import anchors, checkpoints, exporting, rotating
from filterd.operations.trail.exporting import ExportStream
from filterd.operations.trail.verifying import VERIFIER
from filterd.web.accounts.agents import Agent
from filterd.web.pages.forms import read_form
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.whole_reads import streamed
from filterd.web.published.reporting import giving
from filterd.web.regulator.room import attached, named, shown


async def show(request: Request, agent: Agent) -> Response:
    """``GET /regulator/downloads``."""
    context = agent.context
    values = {
        "keys": await rotating.status(context),
        "anchors": await anchors.status(context),
        "checkpoint": await checkpoints.newest(context),
    }
    return shown(request, agent, "downloads.html", values)


async def verify(request: Request, agent: Agent) -> Response:
    """``GET /regulator/verify``: how to verify all this without trusting the provider."""
    return shown(request, agent, "verify.html", {})


async def export(request: Request, agent: Agent) -> Response:
    """``POST /regulator/downloads/audit``: the audit trail, entries on lines withheld: whole, or of
    some days, the last one among them. It signs a checkpoint first, so it is a form."""
    form = await read_form(request, agent.csrf)
    first, last, order = form.one("from")[:10], form.one("to")[:10], form.one("order")[:32]
    scope = exporting.scope_of_days(first, last, order, agent.context.settings.zone)
    lines = ExportStream(agent.context, scope).lines()
    return await streamed(request, lines, named("export.ndjson"), "application/x-ndjson")


async def pack(request: Request, agent: Agent) -> Response:
    """``POST /regulator/downloads/pack``: an evidence pack of an order or of some days. A form, as
    it issues receipts."""
    form = await read_form(request, agent.csrf)
    order, since, until = form.one("order")[:32], form.one("from")[:10], form.one("to")[:10]
    scope = await scope_of(agent.context, order, "" if order else since, "" if order else until)
    stream = EvidenceStream(agent.context, scope, sheet=giving.sheet)
    return await streamed(request, stream.chunks(), named(scope.name), "application/x-tar")


async def keys(request: Request, agent: Agent) -> Response:
    """``GET /regulator/downloads/checkpoint.pem``: the public keys that sign and signed."""
    wanted = request.path_params["purpose"]
    if wanted not in list(Purpose):
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found")
    purpose = Purpose(wanted)
    return attached(
        await rotating.public_pem(agent.context, purpose), f"{purpose.value}.pem", "application/x-pem-file"
    )


async def verifier(request: Request, agent: Agent) -> Response:
    """``GET /regulator/downloads/verify-export.py``: the independent program, of 150 lines."""
    body = await asyncio.to_thread(VERIFIER.read_bytes)
    return attached(body, VERIFIER.name, "text/x-python; charset=utf-8")
