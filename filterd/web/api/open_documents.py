"""The documents that need no token: they are made once, and compressed once. So many are given in a second to
one address, and to all."""

from __future__ import annotations

import gzip
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.web.api.problems import RefusedCall, response_of

OF_ADDRESS = 10
"""documents in a second"""
OF_ALL = 100
"""documents in a second"""


class OpenLimit:
    """Counts the documents of one second; addresses are forgotten with it. Owned by the event loop."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        """``ticks`` does not go back."""
        self._ticks = ticks
        self._second = 0
        self._given: Counter[str] = Counter()

    def take(self, address: str) -> None:
        """Count one. Raises RefusedCall for one beyond the limits."""
        second = int(self._ticks())
        if second != self._second:
            self._second = second
            self._given.clear()
        if self._given.total() >= OF_ALL or self._given[address] >= OF_ADDRESS:
            message = "the documents were asked for too often in this second"
            headers = {"Retry-After": "1", "Connection": "close"}
            raise RefusedCall(
                HTTPStatus.TOO_MANY_REQUESTS, message, "keep it; ask again later", headers=headers
            )
        self._given[address] += 1


class OpenDocument:
    """One document, as it is and compressed."""

    def __init__(
        self, body: bytes, media_type: str, limit: OpenLimit, headers: Mapping[str, str] | None = None
    ) -> None:
        self._body = body
        self._compressed = gzip.compress(body, mtime=0)
        self._media_type = media_type
        self._limit = limit
        self._headers = {"Vary": "Accept-Encoding", **(headers or {})}

    async def reply(self, request: Request) -> Response:
        """Give it in the form that the client takes."""
        try:
            self._limit.take(request.client.host if request.client else "")
        except RefusedCall as error:
            return response_of(error)
        if not takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(self._body, headers=self._headers, media_type=self._media_type)
        headers = {**self._headers, "Content-Encoding": "gzip"}
        return Response(self._compressed, headers=headers, media_type=self._media_type)


def takes_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding names gzip with another weight than 0."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.replace(" ", "").partition(";")
        if coding in ("gzip", "x-gzip"):
            return not weight.startswith("q=0") or weight.removeprefix("q=0").strip(".0") != ""
    return False
