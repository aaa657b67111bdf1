"""The application of the API: its routes, the description of them, and what every response has."""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import filterd
from filterd.config.web_settings import WebSettings
from filterd.operations.context import Context
from filterd.web.api import (
    adjustments,
    authorisations,
    bulk,
    choices,
    consent,
    docs_page,
    duty,
    evidence,
    exports,
    feeds,
    holds,
    liftings,
    notices,
    order_deadlines,
    order_life,
    orders,
    passkeys,
    privacy,
    profile_changes,
    public_pages,
    publications,
    reading,
    receipts,
    register_push,
    registers,
    reports,
    reviews,
    sessions,
    shared_evidence,
    sign_in,
    subscribers,
    trail,
    upkeep,
    view_codes,
)
from filterd.web.api.callers import ApiState
from filterd.web.api.counting import RequestCounts, counted
from filterd.web.api.limits import RateLimit
from filterd.web.api.open_documents import OpenDocument, OpenLimit
from filterd.web.api.paths import with_slashes_in_ids
from filterd.web.api.problems import RefusedCall, response_of
from filterd.web.api.shortcut import straight
from filterd.web.listening.framing import LARGEST_HEAD
from filterd.web.listening.proxies import behind_proxies

DESCRIPTION = (
    "Lines, their choices, orders, nodes and the record, for the systems of the provider. Every call needs "
    "a bearer token. Refusals are problem details (RFC 9457) that say what to do next."
)
ROUTERS = (
    subscribers.routes,
    choices.routes,
    adjustments.routes,
    consent.routes,
    shared_evidence.routes,
    authorisations.routes,
    privacy.routes,
    holds.routes,
    notices.routes,
    profile_changes.routes,
    public_pages.routes,
    reports.routes,
    reading.routes,
    duty.routes,
    order_deadlines.routes,
    orders.routes,
    receipts.routes,
    registers.routes,
    order_life.routes,
    sessions.routes,
    feeds.routes,
    publications.routes,
    trail.routes,
    passkeys.routes,
    upkeep.routes,
    evidence.routes,
    exports.routes,
    liftings.routes,
    reviews.routes,
    view_codes.routes,
    sign_in.routes,
    bulk.routes,
    bulk.imports,
)
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_LARGE_HEAD = RefusedCall(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"the request line and the headers are larger than {LARGEST_HEAD} bytes",
    "send less in them",
    headers={"Connection": "close"},
)
_PAGE_POLICY = (
    f"default-src 'none'; style-src {docs_page.STYLE_SOURCE}; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)


def make_api(context: Context, requests: int, web: WebSettings | None = None) -> tuple[ASGIApp, ApiState]:
    """The application over an open store, and its state. ``requests``: of one token in a second."""
    public_url, proxies = ("", ()) if web is None else (web.public_url, web.trusted_proxies)
    app = _application(public_url)
    state = ApiState(context, RateLimit(requests), RequestCounts(_groups()), public_url)
    app.state.api = state
    app.add_exception_handler(HTTPException, _refuse)
    _describe(app, public_url)
    inner = counted(with_slashes_in_ids(_Headers(straight(app, app.routes))), state.counts)
    return behind_proxies(inner, proxies), state


def _application(public_url: str) -> FastAPI:
    """The calls, without state."""
    app = FastAPI(
        title="filterd API",
        version=filterd.__version__,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": public_url}] if public_url else None,
    )
    for routes in ROUTERS:
        app.router.routes.extend(routes.routes)  # one list: included routers are walked anew by each request
    return app


def _groups() -> list[str]:
    """The first segments of the paths of calls, behind the version."""
    paths = (route.path for each in ROUTERS for route in each.routes if isinstance(route, APIRoute))
    return sorted({path.split("/")[3] for path in paths})


async def _refuse(request: Request, error: Exception) -> Response:
    response = response_of(error)
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(sorted(_methods(request.scope["path"]))) or "GET"
    return response


def _methods(path: str) -> set[str]:
    """The methods that some route takes at a path; of one that is written out, its own alone."""
    every = [route for each in ROUTERS for route in each.routes if isinstance(route, APIRoute)]
    found = [route for route in every if route.path == path] or [
        route for route in every if route.path_regex.match(path)
    ]
    return {method for route in found for method in route.methods or ()}


@cache
def _description(public_url: str) -> tuple[bytes, bytes]:
    """The OpenAPI document and its page. They take seconds to make, and are the same for each application."""
    document = _application(public_url).openapi()
    return json.dumps(document).encode(), docs_page.page(document).encode()


def _describe(app: FastAPI, public_url: str) -> None:
    """Add the OpenAPI document and its page. They are made once: a request for them needs no token."""
    body, page = _description(public_url)
    limit = OpenLimit()
    described = OpenDocument(body, "application/json", limit)
    policy = {"Content-Security-Policy": _PAGE_POLICY}
    shown = OpenDocument(page, "text/html; charset=utf-8", limit, policy)
    app.add_route("/api/openapi.json", described.reply, include_in_schema=False)
    app.add_route(register_push.PATH, register_push.push, methods=["POST"], include_in_schema=False)
    app.add_route("/api/docs", shown.reply, include_in_schema=False)


class _Headers:
    """Refuses a request whose head is too large, and adds what every response has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def begin(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] += [each for each in _HEADERS if each[0] not in given]
            await send(message)

        if scope["type"] == "http" and _size_of_head(scope) > LARGEST_HEAD:
            await _LARGE_HEAD.response()(scope, receive, begin)
            return
        await self._app(scope, receive, begin)


def _size_of_head(scope: Scope) -> int:
    """The bytes of the path, the query and all headers."""
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
