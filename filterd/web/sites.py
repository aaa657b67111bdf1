"""The sites of the web process: for each listener an application, the API's or that of pages."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.context import Context
from filterd.web import desk, portal, public, regulator
from filterd.web.listening.hosts import answering, own_hosts
from filterd.web.pages.application import make_pages
from filterd.web.pages.counting import PageCounts
from filterd.web.pages.state import PagesState
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import Translations

ROUTES = {
    "portal": portal.routes,
    "public": public.routes,
    "desk": desk.routes,
    "regulator": regulator.routes,
}
"""the pages of each listener"""


@dataclass(frozen=True, slots=True)
class Site:
    """An application and where it is served."""

    name: str
    """of several on one listener: with a ``+`` between"""
    listen: Endpoint
    connections: int
    """at one time"""
    app: ASGIApp
    counts: PageCounts | None = None
    """None: the API counts by itself"""


def page_sites(context: Context, web: WebSettings) -> tuple[list[Site], PagesState]:
    """The sites of pages that are configured, and the state that they share. Pages that have one address are
    one site."""
    state = PagesState(context, web, Templates(Translations()))
    together: dict[Endpoint, list[str]] = {}
    for name, found in web.pages.items():
        together.setdefault(found.listen, []).append(name)
    return [_site(names, web.pages, state) for names in together.values()], state


def _site(names: list[str], pages: dict[str, PagesSettings], state: PagesState) -> Site:
    routes = [route for name in names for route in ROUTES[name]()]
    first = pages[names[0]]
    urls = [pages[name].public_url for name in names]
    if "public" in names and (spoken := state.context.settings.service.public_url):
        urls.append(spoken)
    zone = next((found for name in names if (found := pages[name].test_zone)), "")
    counts = PageCounts()
    app = counts.counting(answering(make_pages(routes, state), own_hosts(urls, zone)))
    return Site("+".join(names), first.listen, first.connections, app, counts)
