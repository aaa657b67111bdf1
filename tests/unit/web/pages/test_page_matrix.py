"""Every route of every listener of pages, with everybody who may come: who gets a page, and who does not.

The routes are those of the applications, so that a new one is tried too.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import httpx
import pytest
from starlette.routing import Route

from filterd.config.portal_settings import PortalSettings
from filterd.config.value_types import parse_endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.model.token import GRANTS, TokenRole
from filterd.operations import audit, subscribers, tokens
from filterd.operations.context import Context
from filterd.operations.portal import links
from filterd.operations.service_page import records
from filterd.operations.tokens import TokenRequest
from filterd.operations.trail import rotating, statements
from filterd.web.desk.room import DESK
from filterd.web.desk.routes import PAGES as DESK_PAGES
from filterd.web.published.site import render
from filterd.web.regulator.room import REGULATOR
from filterd.web.regulator.routes import PAGES as REGULATOR_PAGES
from filterd.web.sites import ROUTES, Site, page_sites
from tests.meta.test_known_failures import ROOT
from tests.worlds.installation import Installation, as_person, with_portal

HOSTS = {name: f"127.0.0.1:{21_400 + number}" for number, name in enumerate(ROUTES)}
PAGES = {"desk": DESK_PAGES, "regulator": REGULATOR_PAGES}
ROOMS = {"desk": DESK, "regulator": REGULATOR}
NOBODY, HOLDER, OTHER_HOLDER = "nobody", "holder", "holder of another line"
OPEN = {
    "portal": {
        "/portal", "/portal/entrar", "/portal/quitado", "/portal/openid/empezar", "/portal/openid",
    },
    "desk": {"/desk/sign-in"},
    "regulator": {"/regulator/sign-in"},
}  # fmt: skip
"""paths that show a page to nobody in particular; all of ``public`` do"""
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class World:
    """All sites over one installation, with two lines."""

    sites: dict[str, Site]
    context: Context
    installation: Installation

    def client(self, site: str, cookies: dict[str, str]) -> httpx.AsyncClient:
        """A browser with these cookies."""
        transport = httpx.ASGITransport(self.sites[site].app, client=("127.0.0.1", 40_000))
        return httpx.AsyncClient(transport=transport, base_url=f"http://{HOSTS[site]}", cookies=cookies)

    async def cookies(self) -> dict[str, dict[str, str]]:
        """Everybody who may come -> the cookies of their browser, with which every site is visited."""
        found: dict[str, dict[str, str]] = {NOBODY: {}}
        for name, line in ((HOLDER, "home"), (OTHER_HOLDER, "other")):
            made = await links.issue(as_person(self.context, "ana"), line)
            found[name] = await self._sign_in("portal", "/portal/entrar", k=made.url.partition("k=")[2])
        for site, room in ROOMS.items():
            for role in room.roles:
                secret = (await tokens.add(self.context, TokenRequest("daemon", role))).secret
                found[f"{site}: {role}"] = await self._sign_in(site, f"/{site}/sign-in", token=secret)
        return found

    async def _sign_in(self, site: str, path: str, **fields: str) -> dict[str, str]:
        async with self.client(site, {}) as client:
            form = _CSRF.search((await client.get(path)).text)
            csrf = {"csrf": form[1]} if form else {}
            reply = await client.post(path, data={**csrf, **fields})
            assert reply.status_code == 303, reply.text
            return dict(client.cookies)


@pytest.fixture
async def world(installation: Installation) -> AsyncIterator[World]:
    """With the texts that pages need."""
    for name in ("consent/2026-11.yaml", "desk/2026-11.yaml", "jurisdictions/mx.yaml"):
        installation.write_policy(name, (ROOT / "policies" / name).read_text())
    settings = with_portal(installation.settings)
    on = {name: PagesSettings(parse_endpoint(host), 100) for name, host in HOSTS.items()}
    portal = replace(on["portal"], public_url=f"http://{HOSTS['portal']}")
    web = WebSettings(
        None, None, portal=portal, public=on["public"], desk=on["desk"], regulator=on["regulator"],
        sign_in=settings.web.sign_in if settings.web else PortalSettings(),
    )  # fmt: skip
    installation = replace(installation, settings=replace(settings, web=web))
    async with installation.open(approvals=2) as context:
        for line in ("home", "other"):
            await subscribers.add(context, line)
        await rotating.make(context)
        await records.publish(context, render)
        await statements.make(context)
        sites, _ = page_sites(context, web)
        yield World({each.name: each for each in sites}, context, installation)


def calls(site: str, who: str) -> Iterator[tuple[str, str]]:
    """Method and path template of each route; for one visitor with the methods that no route has."""
    others = {"POST", "PUT", "DELETE", "PATCH"} if who == HOLDER else set()
    for route in ROUTES[site]():
        assert isinstance(route, Route)
        for method in sorted({*(route.methods or ()), *others}):
            yield method, route.path


def may(who: str, site: str, method: str, path: str) -> bool:
    """Return whether somebody may get a page at all by this call."""
    if method in ("PUT", "DELETE", "PATCH"):
        return False
    if site == "public" or path in OPEN.get(site, ()):
        return True
    if site == "portal":
        return who in (HOLDER, OTHER_HOLDER)
    room, _, role = who.partition(": ")
    if room != site:
        return False
    _, wanted = PAGES[site].get((method, path), PAGES[site].get(("POST", path), (None, None)))
    return wanted is None or wanted in GRANTS[TokenRole(role)]


async def test_everybody_gets_the_pages_that_are_theirs_and_nothing_fails(world: World) -> None:
    visitors = await world.cookies()
    before = await audit.count(world.context)
    tried = 0
    for site in ROUTES:
        for who, cookies in visitors.items():
            shown = 0
            for method, path in calls(site, who):
                world.installation.now += 1.0  # a session has so many requests in a second
                at = re.sub(r"\{[^}]*\}", "1", path)
                async with world.client(site, cookies) as client:
                    reply = await client.request(method, at)
                tried += 1
                called = (who, method, at, reply.status_code)
                assert reply.status_code < 500, called
                assert reply.status_code >= 300 or may(who, site, method, path), called
                shown += reply.status_code < 300
            assert shown or not any(may(who, site, *call) for call in calls(site, who)), (site, who)
    assert tried > 1_000
    assert await audit.count(world.context) == before, "nothing was changed by a call without its form"
