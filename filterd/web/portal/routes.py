"""The paths of this room."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from filterd.web.pages.form_pages import with_form_pages
from filterd.web.pages.numbers import NUMBER
from filterd.web.portal import (
    beginning,
    choosing,
    hours,
    line,
    looking,
    opting,
    pausing,
    signing_in,
    sites,
)
from filterd.web.portal.visitor import BASE, View

_LINE = f"{BASE}/{{place:{NUMBER}}}"


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    return with_form_pages(_routes())


def _routes() -> list[BaseRoute]:
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
        _post(f"{_LINE}/aceptar", line.accept),
        *_both("quitar", opting.ask_out, opting.turn_off),
        *_both("pausa", pausing.ask_pause, pausing.pause),
        _post(f"{_LINE}/seguir", pausing.resume),
        *_both("cerrar", pausing.ask_close, pausing.close),
        _post(f"{_LINE}/abrir", pausing.reopen),
        *_choices(),
        *_hours(),
        _get(f"{_LINE}/cambios", looking.history),
        *_both("pin", looking.pin, looking.choose_pin),
        *_both("proteccion", looking.protection, looking.change_protection),
        *_both("codigo", looking.ask_code, looking.make_code),
        _get(f"{_LINE}/cartel", looking.poster),
        _get(f"{_LINE}/datos", looking.data),
        _post(f"{_LINE}/datos/copia", looking.copy),
    ]


def _choices() -> list[BaseRoute]:
    return [
        _get(f"{_LINE}/edad", choosing.ages),
        *_both("edad/nueva", choosing.confirm_age, choosing.change_age),
        *_both("temas", choosing.topics, choosing.choose_topics),
        *_both("aplicaciones", choosing.applications, choosing.choose_applications),
        *_both("busqueda", choosing.search, choosing.choose_search),
        *_both("atajos", choosing.ways, choosing.choose_ways),
        *_both("sitios", sites.show, sites.add),
        _post(f"{_LINE}/sitios/quitar", sites.remove),
    ]


def _hours() -> list[BaseRoute]:
    return [
        _get(f"{_LINE}/horas", hours.show),
        _get(f"{_LINE}/horas/nueva", hours.show_form),
        _get(f"{_LINE}/horas/{{slot:{NUMBER}}}", hours.show_form),
        _post(f"{_LINE}/horas/guardar", hours.save),
        _post(f"{_LINE}/horas/quitar", hours.remove),
        _post(f"{_LINE}/horas/lista", hours.add_preset),
        _post(f"{_LINE}/horas/como-edad", hours.as_profile),
        _post(f"{_LINE}/horas/dias", hours.change_days),
        _post(f"{_LINE}/horas/reloj", hours.change_zone),
    ]


def _get(path: str, view: View) -> BaseRoute:
    return Route(path, view, methods=["GET"])


def _post(path: str, view: View) -> BaseRoute:
    return Route(path, view, methods=["POST"])


def _both(part: str, shown: View, sent: View) -> list[BaseRoute]:
    """A page about the line, and the form on it."""
    return [_get(f"{_LINE}/{part}", shown), _post(f"{_LINE}/{part}", sent)]
