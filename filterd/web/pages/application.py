"""The application of a pages' listener: its routes, what every response has, and how a failure looks."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filterd.operations.errors import OperationError, UnusableError
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.web.listening.proxies import behind_proxies
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import PagesState, page

STATIC = Path(__file__).parents[1] / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}
_HEADERS = (
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        b"base-uri 'none'",
    ),
    (b"referrer-policy", b"same-origin"),  # under no-referrer browsers send our own forms with Origin: null
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)


def make_pages(routes: Sequence[BaseRoute], state: PagesState) -> ASGIApp:
    """The application of one listener."""
    app = Starlette(
        routes=[*routes, *static_routes()],
        exception_handlers={
            PageRefusedError: _refused,
            OperationError: _failed,
            StoreError: _failed,
            HTTPException: _not_found,
            Exception: _broken,
        },
    )
    app.state.pages = state
    app.router.redirect_slashes = False
    return behind_proxies(_Headers(app), state.web.trusted_proxies)


def static_routes() -> list[Route]:
    """The stylesheet and the pictures, read once."""
    return [Route(f"/static/{path.name}", _Static(path).reply) for path in sorted(STATIC.iterdir())]


class _Static:
    def __init__(self, path: Path) -> None:
        self._body = path.read_bytes()
        self._type = _TYPES[path.suffix]
        self._tag = f'"{sha256(self._body).hexdigest()[:32]}"'

    async def reply(self, request: Request) -> Response:
        headers = {"ETag": self._tag, "Cache-Control": "public, max-age=300"}
        if request.headers.get("if-none-match") == self._tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(self._body, media_type=self._type, headers=headers)


def _shown(request: Request, status: HTTPStatus, key: str, **values: object) -> Response:
    path = request.url.path
    again = path if request.method == "GET" else f"/{path.split('/')[1]}"  # a form: its room's first page
    shown = {"key": key, "values": values, "status": int(status), "again": again}
    return page(request, "house/refusal.html", shown, status)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, PageRefusedError):
        raise error
    return _shown(request, error.status, error.key, **error.values)


async def _not_found(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    response = _shown(request, HTTPStatus(error.status_code), "house.refused.not_found")
    response.headers.update(error.headers or {})
    return response


def log_unserved(error: Exception) -> None:
    """Log why a page was not served: the kind of the error, and of one of the store or the installation the
    remedy. The text of others may have something of the request."""
    fields = {"remedy": error.remedy} if isinstance(error, StoreError | UnusableError) else {}
    log.get().warning("a page could not be served", reason=type(error).__name__, **fields)


async def _failed(request: Request, error: Exception) -> Response:
    log_unserved(error)
    return _shown(request, HTTPStatus.SERVICE_UNAVAILABLE, "house.refused.later")


async def _broken(request: Request, error: Exception) -> Response:
    log.get().error("a page of the web process failed", reason=type(error).__name__)
    return _shown(request, HTTPStatus.INTERNAL_SERVER_ERROR, "house.refused.later")


class _Headers:
    """Adds the headers that every response has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def begin(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] += [each for each in _HEADERS if each[0] not in given]
            await send(message)

        await self._app(scope, receive, begin)
