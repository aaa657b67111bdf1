"""Counts the requests for pages by status. No path and no client is kept."""

from __future__ import annotations

from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BROKEN_OFF = "0"
"""the status of a request that got no reply"""


class PageCounts:
    """The requests to one listener since the process began. Owned by the event loop, read by that of the
    metrics."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()

    def copied(self) -> dict[str, int]:
        """Status -> requests at this moment, for another thread."""
        return dict(self._requests)

    def counting(self, app: ASGIApp) -> ASGIApp:
        """The application, whose requests are counted."""

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            status = BROKEN_OFF

            async def look(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            try:
                await app(scope, receive, look)
            finally:
                if scope["type"] == "http":
                    self._requests[status] += 1

        return call
