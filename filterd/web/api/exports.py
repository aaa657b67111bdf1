"""``/api/v1/audit/export``: the audit trail as one file, which its reader verifies alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Query
from starlette.responses import StreamingResponse

from filterd.model.token import Permission
from filterd.operations.trail import exporting
from filterd.operations.trail.exporting import ExportStream
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.streaming import NDJSON
from filterd.web.api.whole_reads import ONE_OF_FEW

routes = router("exports")
BATCH = 1 << 16
"""bytes"""


@routes.get(
    "/audit/export",
    response_class=StreamingResponse,
    responses={200: {"description": "One record in each line, the seal last", "content": {NDJSON: {}}}},
    **takes(Permission.AUDIT_READ),
    **ONE_OF_FEW,
)
async def export_trail(
    caller: Called,
    since: Annotated[str, Query(alias="from", max_length=40, description="From a time on, ISO 8601.")] = "",
    until: Annotated[str, Query(alias="to", max_length=40, description="Up to a time, ISO 8601.")] = "",
    order: Annotated[str, Query(max_length=32, description="Show the entries of this order alone.")] = "",
) -> StreamingResponse:
    """Export the audit trail, its checkpoints and the rows that rest on it; entries on lines are withheld.
    Broken off, it lacks its seal, and no verifier takes it."""
    stream = ExportStream(caller.context, exporting.scope_of(since, until, order))
    lines = stream.lines()
    first = await anext(lines)

    async def rest() -> AsyncIterator[bytes]:
        waiting = bytearray(first)
        async for line in lines:
            waiting += line
            if len(waiting) >= BATCH:
                yield bytes(waiting)
                waiting.clear()
        yield bytes(waiting)

    return StreamingResponse(rest(), media_type=NDJSON)
