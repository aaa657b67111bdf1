"""Addresses that forms are sent to and that have no page of their own: who comes there is led to the form.

The reply to a wrong form is a page at such an address, and its link to the other language leads there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filterd.web.pages.state import see_other
from filterd.web.pages.translations import LANGUAGES

_ELSEWHERE: Mapping[str, str] = {"/portal/pin": "/portal/entrar"}
"""the address of a form -> the page that has it, where that is not the address above it"""


def with_form_pages(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The routes, and one for each path that takes forms and has no page."""
    made = [each for each in routes if isinstance(each, Route)]
    shown = {each.path for each in made if "GET" in (each.methods or ())}
    alone = dict.fromkeys(each.path for each in made if each.path not in shown)
    return [*routes, *(Route(path, page_of_form, methods=["GET"]) for path in alone)]


async def page_of_form(request: Request) -> Response:
    """``GET`` of such an address: the page that has the form, in the same language."""
    path = request.url.path
    page, asked = _ELSEWHERE.get(path, path.rpartition("/")[0]), request.query_params.get("lang")
    return see_other(f"{page}?lang={asked}" if asked in LANGUAGES else page)
