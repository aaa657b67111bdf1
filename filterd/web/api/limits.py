"""The limits on a request: the size of its body, the time in which it must arrive, and how many a token may
send."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from filterd.web.api.problems import RefusedCall

MOST_BEGUN = 2
"""calls that begin in one turn of the event loop: with more a page waits longer, with fewer less is done"""
SMALL_BODY = 4_096
"""bytes, of a call that waits for no other one"""
TURN_SECONDS = 4.0
"""for which a larger body waits for its turn; then for the store up to 4 (:data:`.engine.PROMPT`)"""
LARGEST_BODY = 65_536
"""bytes, of a call that says no other size"""
LARGEST_DOCUMENT = 1_000_000
"""bytes, of a call that takes an order, a list or a file"""
MOST_PARTS = 50_000
"""arrays, objects and fields of a document, beyond which it is not parsed"""
BODY_SECONDS = 10.0
"""in which a whole body must arrive"""
MOST_BODIES = 64
"""of one token that are awaited at one time"""
_CLOSE = {"Connection": "close"}


class BoundedBody:
    """The body of one request: read whole, before it is used, within its limits."""

    def __init__(
        self,
        headers: Headers,
        receive: Receive,
        *,
        seconds: float = BODY_SECONDS,
        largest: int = LARGEST_BODY,
    ) -> None:
        self._headers = headers
        self._receive = receive
        self._seconds = seconds
        self._largest = largest
        self._body: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of it that were read."""
        return len(self._body or b"")

    async def read(self) -> None:
        """Read it. Raises RefusedCall, before the first byte is read where the headers tell that it is too
        large."""
        announced = self._headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._largest:
            raise _too_large(self._largest)
        try:
            async with asyncio.timeout(self._seconds):
                self._body = await self._read()
        except TimeoutError:
            message = f"the body did not arrive within {self._seconds:.0f} seconds"
            remedy = "send it faster, or in smaller requests"
            raise RefusedCall(HTTPStatus.REQUEST_TIMEOUT, message, remedy, headers=_CLOSE) from None

    async def read_document(self) -> None:
        """Read it, where it is one JSON document. Raises RefusedCall for one with more than
        :data:`MOST_PARTS`: to parse it would hold the event loop."""
        await self.read()
        body = self._body or b""
        if len(body) > LARGEST_BODY and sum(map(body.count, (b"[", b"{", b'":'))) > MOST_PARTS:
            message = f"the body has more than {MOST_PARTS} arrays, objects and fields"
            remedy = "send less in one request; /api/docs says what a field may hold"
            raise RefusedCall(HTTPStatus.UNPROCESSABLE_ENTITY, message, remedy)

    async def _read(self) -> bytes:
        body = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._largest:
                raise _too_large(self._largest)
            if not message.get("more_body", False):
                return bytes(body)

    async def whole(self) -> bytes:
        """The body, read within its limits. Raises RefusedCall."""
        await self.read()
        return self._body or b""

    async def receive(self) -> Message:
        """Give the body as one ASGI message, then what the server has to say."""
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _too_large(largest: int) -> RefusedCall:
    message = f"the body is larger than {largest} bytes"
    return RefusedCall(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, "send less in one request", headers=_CLOSE
    )


class Turns:
    """Shares the event loop between the calls and the pages of the process, which it owns.

    Few calls begin in one turn of the loop, so that a page waits for few of a flood. Bodies larger than
    :data:`SMALL_BODY` are handled one after the other: each may hold the loop for up to 100 ms.
    """

    def __init__(self) -> None:
        self._beginning = asyncio.Semaphore(MOST_BEGUN)
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """Return when this call may begin. It waits for no client and no store."""
        async with self._beginning:
            await asyncio.sleep(0)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold the turn while it lasts. Raises RefusedCall where it does not come in time."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            message = f"other requests with bodies over {SMALL_BODY} bytes are being handled"
            headers = {"Retry-After": "5"}
            raise RefusedCall(
                HTTPStatus.SERVICE_UNAVAILABLE, message, "send it again a little later", headers=headers
            ) from None
        try:
            yield
        finally:
            self._turn.release()


class AwaitedBodies:
    """Counts the requests of each token whose body is awaited: one token does not hold all connections. Owned
    by the event loop."""

    def __init__(self) -> None:
        self._awaited: Counter[int] = Counter()

    @contextmanager
    def awaiting(self, token: int) -> Iterator[None]:
        """Count one while it lasts. Raises RefusedCall for one beyond the limit."""
        if self._awaited[token] >= MOST_BODIES:
            message = f"the bodies of {MOST_BODIES} requests of this token have not arrived yet"
            headers = {"Retry-After": "1", **_CLOSE}
            raise RefusedCall(HTTPStatus.TOO_MANY_REQUESTS, message, "send those first", headers=headers)
        self._awaited[token] += 1
        try:
            yield
        finally:
            self._awaited[token] -= 1
            if not self._awaited[token]:
                del self._awaited[token]


class RateLimit:
    """Counts the requests of each token: so many in a second, and as many at once. Owned by the event
    loop."""

    def __init__(self, requests: int, ticks: Callable[[], float] = time.monotonic) -> None:
        """``ticks`` does not go back."""
        self._requests = requests
        self._ticks = ticks
        self._left: dict[int, tuple[float, float]] = {}
        """number of the token -> requests that it has left, at which tick"""

    def take(self, token: int) -> None:
        """Count one request. Raises RefusedCall for one beyond the limit."""
        now = self._ticks()
        left, since = self._left.get(token, (float(self._requests), now))
        left = min(left + (now - since) * self._requests, float(self._requests))
        if left < 1:
            self._left[token] = left, now
            message = f"this token sent more than {self._requests} requests in a second"
            remedy = "wait as long as Retry-After says; the operator sets web.api.requests"
            raise RefusedCall(HTTPStatus.TOO_MANY_REQUESTS, message, remedy, headers={"Retry-After": "1"})
        self._left[token] = left - 1, now
