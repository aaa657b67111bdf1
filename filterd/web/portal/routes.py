"""The paths of this room."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from filterd.web.portal import beginning, line, opting, signing_in
from filterd.web.portal.visitor import BASE, View

_LINE = BASE + "/{place:int}"


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    return [
        _get("/portal", beginning.show),
        _get("/portal/entrar", signing_in.show),
        _post("/portal/entrar", signing_in.enter),
        _post("/portal/pin", signing_in.enter_by_pin),
        _get("/portal/openid/empezar", signing_in.begin_openid),
        _get("/portal/openid", signing_in.finish_openid),
        _post("/portal/salir", signing_in.leave),
        _get("/portal/quitado", opting.off),
        _get(BASE, line.choose),
        _get(_LINE, line.show),
        *_both("encender", opting.confirm, opting.turn_on),
        _get(f"{_LINE}/listo", opting.on),
        *_both("quitar", opting.ask_out, opting.turn_off),
    ]


def _get(path: str, view: View) -> BaseRoute:
    return Route(path, view, methods=["GET"])


def _post(path: str, view: View) -> BaseRoute:
    return Route(path, view, methods=["POST"])


def _both(part: str, shown: View, sent: View) -> list[BaseRoute]:
    """A page about the line, and the form on it."""
    return [_get(f"{_LINE}/{part}", shown), _post(f"{_LINE}/{part}", sent)]
