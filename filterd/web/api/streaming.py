"""Bodies and replies of one JSON document in each line (NDJSON), which are never held whole.

Many clients read no reply before they have sent their body. So what is told about rows goes into a file until
the body has ended; until then only the progress is sent, which fits into the buffers of a connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from filterd.model.token import Permission
from filterd.web.api.callers import admitted
from filterd.web.api.limits import BODY_SECONDS
from filterd.web.api.problems import RefusedCall, response_of
from filterd.web.api.routing import PERMISSION, Handler
from filterd.web.api.understood import understands

NDJSON = "application/x-ndjson"
LARGEST_STREAM = 1_000_000_000
"""bytes"""
MOST_SECONDS = 3_600.0
"""in which a whole stream must arrive"""


class StreamRoute(APIRoute):
    """A route that admits the caller, and leaves the body to the handler."""

    def get_route_handler(self) -> Handler:
        """The handler of a request."""
        look = understands(self)
        handle = super().get_route_handler()
        permission = Permission((self.openapi_extra or {})[PERMISSION])

        async def call(request: Request) -> Response:
            try:
                request.state.caller = await admitted(request, permission)
                look(request)
                _require_form(request)
                return await handle(request)
            except Exception as error:
                return response_of(error)

        return call


class StreamReply(StreamingResponse):
    """A reply that begins while the body still arrives: it leaves that to whoever makes its lines, where the
    one of starlette listens for the end of the connection, and swallows the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await self.stream_response(send)


def _require_form(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != NDJSON:
        message = f"the body must be {NDJSON}"
        remedy = "send one JSON object in each line, with that Content-Type"
        raise RefusedCall(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message, remedy, headers={"Connection": "close"})
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > LARGEST_STREAM:
        message = f"the body is larger than {LARGEST_STREAM} bytes"
        remedy = "send it in several requests"
        raise RefusedCall(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, remedy, headers={"Connection": "close"}
        )


async def rows_of(receive: Receive, longest: int, *, seconds: float = BODY_SECONDS) -> AsyncIterator[bytes]:
    """The rows of a body, without empty ones. One that is too long comes cut at ``longest`` + 1 bytes. Raises
    RefusedCall where nothing arrives for so many seconds, or too much."""
    rest, size, cut = b"", 0, False
    end = asyncio.get_running_loop().time() + MOST_SECONDS
    more = True
    while more:
        message = await _next(receive, seconds, end)
        piece, more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size > LARGEST_STREAM:
            detail = f"the body is larger than {LARGEST_STREAM} bytes"
            raise RefusedCall(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, "send the rest in another request")
        *whole, rest = (rest + piece).split(b"\n")
        for row in whole:
            if not cut and row.strip():
                yield row[: longest + 1]
            cut = False
        if len(rest) > longest:
            if not cut:
                yield rest[: longest + 1]
            rest, cut = b"", True
    if rest.strip() and not cut:
        yield rest


async def _next(receive: Receive, seconds: float, end: float) -> Any:
    try:
        async with asyncio.timeout_at(min(asyncio.get_running_loop().time() + seconds, end)):
            message = await receive()
    except TimeoutError:
        detail = f"nothing of the body arrived for {seconds:.0f} seconds"
        remedy = "send the rest again: rows that were taken are left alone"
        raise RefusedCall(HTTPStatus.REQUEST_TIMEOUT, detail, remedy) from None
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message


def line_of(value: object) -> bytes:
    """A value as a line of the reply."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
