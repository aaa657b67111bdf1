"""Requests whose end is in doubt, and bodies of responses that are sent in pieces.

Two servers that find the end of a request at different places take a part of one request for another one. So
what a proxy in front might read otherwise is refused, and its connection closed (RFC 9112, 5.2 and 6.1).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_HEAD = 16_384
"""bytes of a request line and its headers"""
PIECE = 32_768
"""bytes of a body that are handed to the connection at a time"""
TURN_EVENTS = 500
"""events of one connection (heads, and chunks of bodies) that are read in one turn of the event loop"""
FREE_PIECES = 1_000
"""pieces of one body (chunks, or reads of the socket) that may be of any size"""
LEAST_PIECE = 16
"""bytes of a piece on average in a body of more pieces: each costs as much as a large one"""
Headers = Sequence[tuple[bytes, bytes]]
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_FOLDED = re.compile(rb"\n[ \t]")


class StrictFraming(h11.Connection):
    """Refuses requests that h11 reads in one way of several, and bodies in very many small pieces. Two
    lengths that differ, and codings other than chunked, are refused by h11 itself. Every response gets some
    headers."""

    def __init__(self, largest_head: int, headers: Headers = ()) -> None:
        """``headers``: those of every response, a refusal of the framing among them."""
        super().__init__(h11.SERVER, largest_head)
        self._headers = headers
        self._left = TURN_EVENTS
        self._pieces = 0
        """of the body that is read"""
        self._received = 0
        """bytes of these pieces"""

    @property
    def gave_way(self) -> bool:
        """Whether the turn ended before all that was received was read."""
        return self._left < 0

    def begin_turn(self) -> None:
        """Read up to :data:`TURN_EVENTS` events from now on. One read of the socket can bring tens of
        thousands of chunks of a byte each."""
        self._left = TURN_EVENTS

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """The bytes of an event. Both ways in which h11 sends come through here."""
        if self._headers and isinstance(event, h11.Response):
            event = h11.Response(
                status_code=event.status_code, headers=[*event.headers, *self._headers], reason=event.reason
            )
        return super().send_with_data_passthrough(event)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event; none once the turn is over. Raises RemoteProtocolError as h11 does."""
        self._left -= 1
        if self._left < 0:
            return h11.NEED_DATA
        folded = self.their_state is h11.IDLE and _is_folded(self.trailing_data[0])
        event = super().next_event()
        if isinstance(event, h11.Request) and (folded or _is_doubtful(event)):
            message = "the end of the request is in doubt"
            raise h11.RemoteProtocolError(message)
        self._require_large_pieces(event)
        return event

    def _require_large_pieces(self, event: h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]) -> None:
        if isinstance(event, h11.Request):
            self._pieces = self._received = 0
        elif isinstance(event, h11.Data):
            self._pieces += 1
            self._received += len(event.data)
            if self._pieces > FREE_PIECES and self._received < self._pieces * LEAST_PIECE:
                message = "the body comes in too many small pieces"
                raise h11.RemoteProtocolError(message)


def _is_folded(received: bytes) -> bool:
    end = _END_OF_HEAD.search(received)
    return bool(_FOLDED.search(received, 0, end.start() + 1 if end else len(received)))


def _is_doubtful(request: h11.Request) -> bool:
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" not in names:
        return False
    return b"content-length" in names or request.http_version < b"1.1"


def in_pieces(app: ASGIApp) -> ASGIApp:
    """The application, whose bodies wait piece by piece for clients that read slowly: of a large one no more
    than that is held for each connection."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if len(body) <= PIECE:
                await send(message)
                return
            for start in range(0, len(body), PIECE):
                more = start + PIECE < len(body) or message.get("more_body", False)
                await send({**message, "body": body[start : start + PIECE], "more_body": more})

        await app(scope, receive, send_pieces)

    return called
