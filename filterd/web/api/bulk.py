"""``/api/v1/import`` and ``/api/v1/export``: many lines, one JSON document in each line (NDJSON)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from http import HTTPStatus
from tempfile import TemporaryFile
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Security
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from filterd.model.subscriber import Subscriber
from filterd.model.token import Permission
from filterd.operations import subscribers
from filterd.operations.errors import NotAllowedError
from filterd.operations.import_batch import ImportRow
from filterd.operations.line_stream import LONGEST_ROW, RowTally, import_rows
from filterd.operations.selection import Selection
from filterd.web.api.callers import Caller
from filterd.web.api.fields import Text
from filterd.web.api.kept_outcomes import KeptOutcomes
from filterd.web.api.problems import RefusedCall, problem_of
from filterd.web.api.representations import all_shown
from filterd.web.api.routing import PROBLEMS, Called, bearer, router, takes
from filterd.web.api.streaming import NDJSON, StreamReply, StreamRoute, line_of, rows_of
from filterd.web.api.whole_reads import ONE_OF_FEW
from filterd.web.listening.whole_reads import batched

routes = router("bulk")
imports = APIRouter(
    prefix="/api/v1",
    tags=["bulk"],
    route_class=StreamRoute,
    dependencies=[Security(bearer)],
    responses={**PROBLEMS, 415: {"description": f"The body is not {NDJSON}"}},
)
MOST_IMPORTS = 2
"""at one time"""
PIECE = 65_536
_STREAM = {"content": {NDJSON: {"schema": {"type": "string"}}}}
_ROWS = {"requestBody": {**_STREAM, "required": True}}


@imports.post(
    "/import/subscribers",
    response_class=StreamingResponse,
    responses={200: {"description": "The outcome of each row, and a summary", "content": {NDJSON: {}}}},
    openapi_extra={**takes(Permission.LINES_WRITE)["openapi_extra"], **_ROWS},
)
async def import_lines(
    request: Request,
    caller: Called,
    shared: Annotated[Text, Query(description="Why rows have no evidence of their own; it waits.")] = "",
) -> StreamReply:
    """Register lines, and opt them in where a row has a profile and its evidence. A bad row is rejected, and
    the others act; sent again, it changes nothing.

    A row is {"id", "prefixes": [...], "zone", "profile", "evidence": {"who", "role", "channel", "at",
    "text_version", "reference"}, "accept_empty": true}, all but the id as needed; "accept_empty" opts in
    though no list of a category of the profile was ever read. While the body arrives, the reply has lines of
    {"progress"}; behind it one of {"line", "outcome", "problem"} for each row, of rejected ones the first
    1,000, and {"summary"}. 10,000 rejected rows in a row end the import."""
    if caller.state.imports >= MOST_IMPORTS:
        message = f"{MOST_IMPORTS} imports are at work already"
        headers = {"Retry-After": "10", "Connection": "close"}
        raise RefusedCall(HTTPStatus.TOO_MANY_REQUESTS, message, "wait for one to end", headers=headers)
    return StreamReply(_imported(request, caller, shared), media_type=NDJSON)


async def _imported(request: Request, caller: Caller, shared: str) -> AsyncIterator[bytes]:
    """The lines of the reply. What ends the import early is the last of them, and the rows before it hold."""
    tally = RowTally()
    caller.state.imports += 1
    try:
        with TemporaryFile(prefix="filterd-import-") as kept:
            problem: dict[str, Any] = {}
            outcomes = KeptOutcomes(kept)
            try:
                rows = rows_of(request.receive, LONGEST_ROW)
                check = _check_of(caller)
                async for some in import_rows(
                    caller.context, rows, tally, begins=caller.token.lines, check=check, shared=shared
                ):
                    outcomes.keep(some)
                    outcomes.require_a_good_one()
                    yield line_of({"progress": {"rows": tally.rows, "rejected": tally.rejected}})
            except ClientDisconnect:
                return
            except Exception as error:
                outcomes.keep(tally.take())
                found = problem_of(error)
                problem = {
                    "problem": {"status": found.status, "detail": found.detail, "remedy": found.remedy}
                }
            kept.seek(0)
            while piece := await asyncio.to_thread(kept.read, PIECE):
                yield piece
            summary = {**_summary(tally), "untold": outcomes.untold}
            yield line_of({"summary": summary, "complete": not problem, **problem})
    finally:
        caller.state.imports -= 1


def _check_of(caller: Caller) -> Any:
    def check(row: ImportRow) -> None:
        if not caller.reaches(row.subscriber):
            message = f"this token is limited to ids that begin with {caller.token.lines!r}"
            raise NotAllowedError(message, "use another token")
        if row.profile and not caller.may(Permission.CHOICES_WRITE):
            message = f"this token does not allow {Permission.CHOICES_WRITE}"
            raise NotAllowedError(message, "leave the profile out, or use another token")

    return check


def _summary(tally: RowTally) -> dict[str, Any]:
    names = ("rows", "added", "changed", "unchanged", "rejected", "unbound", "pending", "shared")
    return {name: getattr(tally, name) for name in names}


@routes.get(
    "/export/subscribers",
    response_class=StreamingResponse,
    responses={200: {"description": "One line in each line", "content": {NDJSON: {}}}},
    **takes(Permission.LINES_READ),
    **ONE_OF_FEW,
)
async def export_lines(
    caller: Called, after: Annotated[str, Query(max_length=128, description="Go on behind this id.")] = ""
) -> StreamingResponse:
    """Export every line in the order of the ids, each as one call shows it. Broken off, it goes on behind the
    last id that arrived."""

    async def lines() -> AsyncGenerator[bytes]:
        wanted = Selection(begins=caller.token.lines)
        waiting: list[Subscriber] = []
        async for each in subscribers.list_subscribers(caller.context, wanted=wanted, after=after):
            waiting.append(each)
            if len(waiting) == subscribers.PAGE:
                yield await _lines_of(waiting, caller)
                waiting.clear()
        yield await _lines_of(waiting, caller)

    pieces = lines()
    first = await anext(pieces)  # where the store refuses that, so does the call
    return StreamingResponse(batched(first, pieces), media_type=NDJSON)


async def _lines_of(some: list[Subscriber], caller: Caller) -> bytes:
    return b"".join(line_of(each.model_dump(mode="json")) for each in await all_shown(some, caller))
