"""``/funciona``: whether this device passes the filter, without JavaScript, by names that a filter closes.

The page ends with a stylesheet of the name that is always open. It imports one stylesheet of each test name,
and then shows «closed» for all of them; each that arrives turns its own part to «open». A browser applies the
outer one when the inner ones have come or failed. So a page on which nothing came says that it could not
test, and one that is blocked with a block page counts as closed: that is no stylesheet (decision 0316).
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filterd.operations import works_here
from filterd.operations.works_here import ConnectionOf, unknown_connection
from filterd.policy.test_names import ANY, OPEN
from filterd.web.pages.state import PagesState, language_of, page, state_of

PATH = "/funciona"
_PROBE = PATH + "/p/{label}.css"
_REACHED = PATH + "/abierta"
_CLOSED = ".probe-wait{display:none}\n.probe-closed{display:block}\n"
_OPEN = (
    ".probe-%(label)s .probe-closed{display:none!important}\n.probe-%(label)s .probe-open{display:block}\n"
)
_HEADERS = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "cross-origin"}
"""of what a page on another name of ours loads"""
_POLICY = (
    "default-src 'none'; style-src 'self' {names}; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


class WorksHere:
    """The test page. ``connection_of`` tells what the address of a request is, and keeps nothing."""

    def __init__(self, connection_of: ConnectionOf = unknown_connection) -> None:
        self._connection_of = connection_of

    def routes(self) -> list[BaseRoute]:
        """The routes of the page, and of what it loads."""
        return [
            Route(PATH, self.show, methods=["GET"]),
            Route(_REACHED, self.reached, methods=["GET"]),
            Route(_PROBE, self.probe, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """``GET /funciona``."""
        state = state_of(request)
        address = request.client.host if request.client is not None else ""
        zone = _zone(state)
        language = language_of(request)
        tested = works_here.tested_parts(state.context) if zone else ()
        values = {
            "zone": zone,
            "connection": (await self._connection_of(state.context, address)).value,
            "parts": [(each.label, each.title and getattr(each.title, language)) for each in tested],
            "any_label": ANY,
            "stylesheet": _address(request, OPEN, f"{PATH}/p/{OPEN}.css"),
            "by_hand": [(label, _address(request, label, _REACHED)) for label in (ANY, OPEN)],
        }
        response = page(request, "public/works_here.html", values)
        if zone:
            names = f"*.{zone}{_port(request)}"
            response.headers["Content-Security-Policy"] = _POLICY.format(names=names)
        return response

    async def reached(self, request: Request) -> Response:
        """``GET /funciona/abierta``: the page that a test name leads to where it is open."""
        label = (request.url.hostname or "").partition(".")[0]
        return page(request, "public/works_here_reached.html", {"control": label == OPEN})

    async def probe(self, request: Request) -> Response:
        """``GET /funciona/p/LABEL.css``: by which the browser tells itself that a name is open."""
        state, label = state_of(request), request.path_params["label"]
        if not _zone(state) or label not in works_here.labels(state.context):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        text = _OPEN % {"label": label}
        if label == OPEN:
            inner = [ANY, *(each.label for each in works_here.tested_parts(state.context))]
            lines = [f'@import url("{_address(request, each, f"{PATH}/p/{each}.css")}");\n' for each in inner]
            text = "".join(lines) + _CLOSED
        return Response(text, media_type="text/css; charset=utf-8", headers=_HEADERS)


def _zone(state: PagesState) -> str:
    return "" if state.web.public is None else state.web.public.test_zone


def _address(request: Request, label: str, path: str) -> str:
    """The address of a test name, by the scheme and the port of the page."""
    return f"//{label}.{_zone(state_of(request))}{_port(request)}{path}"


def _port(request: Request) -> str:
    return f":{request.url.port}" if request.url.port else ""
