"""The portal over a small installation, without a socket, and browsers that come to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from filterd.config.portal_settings import PortalSettings
from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.model.line import LineChoices
from filterd.operations import subscribers
from filterd.operations.context import Context
from filterd.operations.portal import links
from filterd.operations.portal.sessions import SignedIn
from filterd.operations.portal.state import PortalState
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.portal import routes
from tests.worlds.installation import Installation, install
from tests.worlds.page_words import templates, translations

BASE = "https://filtro.example"
HOME, ELSEWHERE = "10.0.0.1", "203.0.113.7"
PIN = "402817"
POLICIES = {
    "consent/2026-11.yaml": """
since: 2026-11-01
text:
  es: |
    El texto del día.
    ¿Quieres encender el filtro?
  en: |
    The text of the day.
    Do you want to turn the filter on?
""",
    "profiles/children.yaml": """
title: {es: Niñas y niños, en: Children}
description: {es: Cierra lo de adultos y apuestas., en: Closes adult content and gambling.}
audience: {es: De 5 a 12 años, en: Ages 5 to 12}
warning: {es: Un celular con DNS privado…, en: A telephone with Private DNS…}
limits: {es: No ve dentro de las aplicaciones., en: It does not see inside applications.}
categories: [adult, gambling]
services: [chat]
safe_search: [search-strict]
bypass: [doh]
""",
    "profiles/families.yaml": """
title: {es: Familias, en: Families}
description: {es: Cierra lo de adultos., en: Closes adult content.}
audience: {es: Hogares con personas de todas las edades, en: Households with people of all ages}
categories: [adult]
""",
    "profiles/families-closed.yaml": """
title: {es: "Familias, cerrado", en: "Families, closed"}
description: {es: Como Familias., en: Like Families.}
audience: {es: Hogares donde alguien se salta el filtro, en: Households where somebody gets around it}
categories: [adult]
bypass: [doh]
""",
}
_TRANSLATIONS = translations()


class _Page(HTMLParser):
    """The forms and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.links: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given["action"], {}))
            self._inside = True
        elif tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "input" and self._inside and given.get("name"):
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked:
                self.forms[-1][1].setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


@dataclass
class Browser:
    """A browser that follows redirects, keeps cookies, and counts what a person taps."""

    client: httpx.AsyncClient
    reply: httpx.Response = field(init=False)
    taps: int = 0

    @property
    def text(self) -> str:
        """The page that is open."""
        return self.reply.text

    @property
    def path(self) -> str:
        """Its path."""
        return self.reply.url.path

    @property
    def words(self) -> str:
        """The words that a person reads on it."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text))

    async def open(self, path: str) -> Browser:
        """Open a page."""
        self.reply = await self.client.get(path)
        return self

    async def follow(self, path: str) -> Browser:
        """Tap a link that the page has."""
        assert path in _Page(self.text).links, f"{path} is none of {_Page(self.text).links}"
        self.taps += 1
        return await self.open(path)

    async def send(self, action: str, fields: Mapping[str, object] | None = None, number: int = 0) -> Browser:
        """Fill in a form that the page has, and tap its button."""
        found = [each for each in _Page(self.text).forms if each[0] == action]
        assert len(found) > number, f"{action} is none of {_Page(self.text).forms}"
        self.taps += 1
        return await self.post(action, {**found[number][1], **(fields or {})})

    async def post(self, action: str, fields: Mapping[str, object], **headers: str) -> Browser:
        """Send a form, whatever the page has."""
        self.reply = await self.client.post(action, data=fields, headers=headers)
        return self

    def fields_of(self, action: str) -> dict[str, str]:
        """The fields of a form as the page has them."""
        return next(fields for path, fields in _Page(self.text).forms if path == action)


@dataclass
class PortalPages:
    """The portal with the lines ``home`` (10.0.0.1) and ``other`` (10.0.0.2)."""

    app: ASGIApp
    state: PagesState
    context: Context
    installation: Installation
    browsers: list[httpx.AsyncClient] = field(default_factory=list)

    def browser(self, address: str = ELSEWHERE, language: str = "es", base: str = BASE) -> Browser:
        """A new browser at an address."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 40_000), raise_app_exceptions=True),
            base_url=base,
            headers={"Accept-Language": language},
            follow_redirects=True,
        )
        self.browsers.append(client)
        return Browser(client)

    async def link(self, subscriber: str = "home", also: tuple[str, ...] = (), organisation: str = "") -> str:
        """The path of a fresh link."""
        issued = await links.issue(self.context, subscriber, also=also, organisation=organisation)
        return issued.url.removeprefix(BASE)

    async def signed_in(
        self,
        subscriber: str = "home",
        language: str = "es",
        also: tuple[str, ...] = (),
        organisation: str = "",
    ) -> Browser:
        """A browser that has signed in with a link."""
        path = await self.link(subscriber, also, organisation)
        browser = await self.browser(language=language).open(path)
        return await browser.send("/portal/entrar")

    async def turned_on(self, subscriber: str = "home", language: str = "es", pin: str = PIN) -> Browser:
        """A browser that has signed in and turned the filter on, on the page of the line."""
        browser = await self.signed_in(subscriber, language)
        await browser.open("/portal/filtro/1/encender?edad=children")
        await browser.send("/portal/filtro/1/encender", {"pin": pin})
        assert browser.path == "/portal/filtro/1/listo", browser.words
        return await browser.open("/portal/filtro/1")

    async def choices(self, subscriber: str = "home") -> LineChoices:
        """The choices of the line."""
        return (await subscribers.show(self.context, subscriber)).choices

    async def sign_in_directly(self, subscriber: str) -> SignedIn:
        """A session as a link gives it, without a page."""
        secret = (await self.link(subscriber)).partition("?k=")[2]
        state = PortalState.make(self.context.settings)
        return await links.consume(state, self.context, secret, address=ELSEWHERE)

    def use(self, context: Context) -> None:
        """Serve the pages in another context."""
        self.context = context
        self.app, self.state = _app(context)

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.installation.now += seconds


def _app(context: Context) -> tuple[ASGIApp, PagesState]:
    web = context.settings.web
    assert web is not None
    state = PagesState(context, web, templates())
    return make_pages(routes(), state), state


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies with texts of consent, and an empty store, with a portal."""
    made = await install(tmp_path)
    for name, text in POLICIES.items():
        made.write_policy(name, text)
    pages = PagesSettings(Endpoint(IPv4Address("127.0.0.1"), 21_400), 100, BASE)
    made.settings = replace(
        made.settings,
        web=WebSettings(None, None, portal=pages, sign_in=PortalSettings(BASE)),
        security=replace(made.settings.security, enabled=True),
    )
    return made


@pytest.fixture
async def portal(installation: Installation) -> AsyncIterator[PortalPages]:
    """The portal of the installation."""
    async with installation.open() as context:
        await subscribers.add(context, "home", zone="America/Mexico_City", prefixes=("10.0.0.1/32",))
        await subscribers.add(context, "other", zone="America/Mexico_City", prefixes=("10.0.0.2/32",))
        made = PortalPages(*_app(context), context, installation)
        yield made
        for each in made.browsers:
            await each.aclose()
