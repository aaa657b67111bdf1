"""Forms that people send: read within limits, and taken from our own pages alone.

A form of a page that knows who sends it carries a token of the session. That, and the browser's word on where
the request comes from, keep another site from sending it (CSRF).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import ClientDisconnect, Request

from filterd.web.pages.refusals import PageRefusedError

LARGEST_FORM = 64 * 1024
"""bytes of a whole form"""
MOST_FIELDS = 1_000
FORM_SECONDS = 10.0
"""in which a whole form must arrive"""
CSRF_FIELD = "csrf"
"""the field with the token of the session"""
_TYPE = "application/x-www-form-urlencoded"


class SentForm:
    """The fields of a form that was sent."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in fields:
            self._fields.setdefault(name, []).append(value)

    def one(self, name: str, default: str = "") -> str:
        """The value of a field, stripped; of several the last."""
        return self._fields.get(name, [default])[-1].strip()

    def all(self, name: str) -> list[str]:
        """All values of a field: those of the boxes that were ticked."""
        return [value.strip() for value in self._fields.get(name, [])]

    def pairs(self) -> list[tuple[str, str]]:
        """Every field with its values as they were sent, in the order of the names."""
        return sorted((name, value) for name, values in self._fields.items() for value in values)

    def has(self, name: str) -> bool:
        """Return whether the field was sent: of buttons, the one that was pressed."""
        return name in self._fields


async def read_form(request: Request, token: str | None = None) -> SentForm:
    """The form of a request. ``token``: of the session; None: there is none yet.

    Raises PageRefusedError for a form that another site sent, one without the token, and one that is too
    large or slow.
    """
    require_own_site(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise PageRefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "house.refused.form")
    try:
        async with asyncio.timeout(FORM_SECONDS):
            body = await _body(request)
        _require_escapes(body)
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except (ValueError, TimeoutError, ClientDisconnect):  # who went away reads no page
        raise PageRefusedError(HTTPStatus.BAD_REQUEST, "house.refused.form") from None
    form = SentForm(fields)
    if token is not None and not hmac.compare_digest(form.one(CSRF_FIELD).encode(), token.encode()):
        raise PageRefusedError(HTTPStatus.FORBIDDEN, "house.refused.stale")
    return form


def require_own_site(request: Request) -> None:
    """Raise PageRefusedError where the browser says that another site sends this (RFC 6454)."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    own = urlsplit(str(request.base_url)).netloc
    if site not in ("same-origin", "none") or (origin is not None and _host(origin) != own):
        raise PageRefusedError(HTTPStatus.FORBIDDEN, "house.refused.elsewhere")


def _host(origin: str) -> str:
    """The host of an origin; empty for one that cannot be read, which is nobody's own."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _require_escapes(body: bytes) -> None:
    """Raise ValueError for more percent signs than escapes of three bytes have room: each that begins none
    takes the parser as long as many bytes."""
    if 3 * body.count(b"%") > len(body):
        message = "percent signs without an escape"
        raise ValueError(message)


async def _body(request: Request) -> bytes:
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > LARGEST_FORM:
            raise PageRefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "house.refused.form")
    return bytes(read)


def query_of(values: Mapping[str, str], name: str, longest: int = 200) -> str:
    """A value of a query string, stripped and cut."""
    return values.get(name, "").strip()[:longest]
