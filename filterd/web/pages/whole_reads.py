"""Pages and files that read the whole store: counted with the calls of the API that do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from filterd.web.listening.whole_reads import TooManyReadsError, batched
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import state_of


@contextmanager
def one_of_few(request: Request) -> Iterator[None]:
    """Count one while it lasts. Raises PageRefusedError for one beyond the limit."""
    with ExitStack() as place:
        try:
            place.enter_context(state_of(request).whole_reads.one())
        except TooManyReadsError:
            raise PageRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "house.refused.busy") from None
        yield


async def streamed(
    request: Request, pieces: AsyncGenerator[bytes], headers: dict[str, str], media_type: str
) -> Response:
    """A file as it is made, one of few until it has ended. Raises OperationError where it cannot begin, and
    PageRefusedError where too many are made; broken off, it lacks its end."""
    with ExitStack() as place:
        place.enter_context(one_of_few(request))
        first = await anext(pieces)
        return _Counted(batched(first, pieces), place.pop_all(), headers, media_type)


class _Counted(StreamingResponse):
    """A stream that has a place until it has ended, or its reader has gone."""

    def __init__(
        self, content: AsyncIterator[bytes], place: ExitStack, headers: dict[str, str], media_type: str
    ) -> None:
        super().__init__(content, headers=headers, media_type=media_type)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await super().__call__(scope, receive, send)
