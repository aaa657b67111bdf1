"""``/regulator/downloads`` and ``/regulator/verify``: what to take along, and how to verify it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from filterd.operations.evidence_pack.scope import scope_of
from filterd.operations.evidence_pack.stream import EvidenceStream
from filterd.operations.signing import Purpose
from filterd.operations.trail import anchors, checkpoints, exporting, rotating
from filterd.operations.trail.exporting import ExportStream
from filterd.operations.trail.verifying import VERIFIER
from filterd.web.accounts.agents import Agent
from filterd.web.pages.forms import read_form
from filterd.web.published.reporting import giving
from filterd.web.regulator.room import attached, shown

BATCH = 1 << 16
"""bytes"""


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
    """``POST /regulator/downloads/audit``: the audit trail, entries on lines withheld. It signs a checkpoint
    first, so it is a form."""
    form = await read_form(request, agent.csrf)
    scope = exporting.scope_of(form.one("from")[:40], form.one("to")[:40], form.one("order")[:32])
    lines = ExportStream(agent.context, scope).lines()
    return await _streamed(lines, "export.ndjson", "application/x-ndjson")


async def pack(request: Request, agent: Agent) -> Response:
    """``POST /regulator/downloads/pack``: an evidence pack of an order or of some days. A form, as
    it issues receipts."""
    form = await read_form(request, agent.csrf)
    order, since, until = form.one("order")[:32], form.one("from")[:10], form.one("to")[:10]
    scope = await scope_of(agent.context, order, "" if order else since, "" if order else until)
    stream = EvidenceStream(agent.context, scope, sheet=giving.sheet)
    return await _streamed(stream.chunks(), scope.name, "application/x-tar")


async def _streamed(pieces: AsyncIterator[bytes], name: str, media_type: str) -> Response:
    """A file as it is made. Raises OperationError where it cannot begin; broken off, it lacks its seal."""
    first = await anext(pieces)

    async def rest() -> AsyncIterator[bytes]:
        waiting = bytearray(first)
        async for piece in pieces:
            waiting += piece
            if len(waiting) >= BATCH:
                yield bytes(waiting)
                waiting.clear()
        yield bytes(waiting)

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(rest(), media_type=media_type, headers=headers)


async def keys(request: Request, agent: Agent) -> Response:
    """``GET /regulator/downloads/checkpoint.pem``: the public keys that sign and signed."""
    purpose = Purpose(request.path_params["purpose"])
    return attached(
        await rotating.public_pem(agent.context, purpose), f"{purpose.value}.pem", "application/x-pem-file"
    )


async def verifier(request: Request, agent: Agent) -> Response:
    """``GET /regulator/downloads/verify-export.py``: the independent program, of 150 lines."""
    body = await asyncio.to_thread(VERIFIER.read_bytes)
    return attached(body, VERIFIER.name, "text/x-python; charset=utf-8")
