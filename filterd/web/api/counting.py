"""Counts the requests of the API, by the group of the call and by status. No path and no client is kept."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filterd.telemetry.api_metrics import API_BUCKETS
from filterd.telemetry.histogram import Histogram

OTHER = "other"
"""the group of what is no call of the API"""
BROKEN_OFF = "0"
"""the status of a request that got no reply"""


class RequestCounts:
    """The counts since the process began. Owned by the event loop; read by the thread of the metrics."""

    def __init__(self, groups: Collection[str]) -> None:
        """``groups``: the first segments of the paths of calls."""
        self._groups = frozenset(groups)
        self.requests: Counter[tuple[str, str]] = Counter()
        self.seconds: dict[str, Histogram] = {each: Histogram(API_BUCKETS) for each in (*groups, OTHER)}
        self.in_flight = 0

    def group_of(self, path: str) -> str:
        """The group of a path: the segment behind ``/api/v1``, where there is such a call."""
        parts = path.split("/", 4)
        found = parts[3] if parts[:3] == ["", "api", "v1"] and len(parts) > 3 else ""
        return found if found in self._groups else OTHER

    def copied(self) -> dict[tuple[str, str], int]:
        """The requests at this moment, for another thread."""
        return dict(self.requests)


def counted(app: ASGIApp, counts: RequestCounts, ticks: Callable[[], float] = time.monotonic) -> ASGIApp:
    """The application, whose requests are counted. ``ticks`` does not go back."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status, begin = BROKEN_OFF, ticks()

        async def look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        counts.in_flight += 1
        try:
            await app(scope, receive, look)
        finally:
            group = counts.group_of(scope["path"])
            counts.in_flight -= 1
            counts.requests[group, status] += 1
            counts.seconds[group].observe(ticks() - begin)

    return call
