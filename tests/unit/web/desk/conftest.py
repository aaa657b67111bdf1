"""The desk over a small installation, without a socket, and agents who are signed in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.operations.context import Context
from filterd.operations.tokens import NewToken, TokenRequest
from filterd.web import desk
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from tests.worlds.installation import Installation, as_person, with_portal
from tests.worlds.page_words import templates

BASE = "https://desk.test"
PERSON = "daemon"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Browser:
    """An agent's browser: a client that keeps cookies, and the token of the forms that it saw last."""

    client: httpx.AsyncClient
    csrf: str = field(default="", repr=False)

    async def get(self, path: str) -> httpx.Response:
        """Open a page, through redirects."""
        reply = await self.client.get(path, follow_redirects=True)
        found = _CSRF.search(reply.text)
        self.csrf = found[1] if found else self.csrf
        return reply

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form of the page that was seen last, and follow where it leads."""
        return await self.client.post(path, data={"csrf": self.csrf, **fields}, follow_redirects=True)


@dataclass
class DeskWorld:
    """The application, its context, and browsers for it."""

    app: ASGIApp
    state: PagesState
    context: Context
    installation: Installation

    def browser(self, language: str = "en", address: str = "127.0.0.1", base: str = BASE) -> Browser:
        """A browser that is not signed in."""
        transport = httpx.ASGITransport(self.app, client=(address, 40_000), raise_app_exceptions=True)
        headers = {"Accept-Language": language}
        return Browser(httpx.AsyncClient(transport=transport, base_url=base, headers=headers))

    async def token(self, role: TokenRole, name: str = PERSON, maker: str = "ana", **more: Any) -> NewToken:
        """A new token."""
        return await tokens.add(as_person(self.context, maker), TokenRequest(name, role, **more))

    async def agent(self, role: TokenRole = TokenRole.SUPPORT, language: str = "en", **more: Any) -> Browser:
        """A browser that is signed in."""
        made = self.browser(language)
        made_token = await self.token(role, **more)
        reply = await made.post("/desk/sign-in", token=made_token.secret)
        assert reply.status_code == 200, reply.text
        await made.get("/desk")
        return made


@pytest.fixture
async def world(installation: Installation) -> AsyncIterator[DeskWorld]:
    """The desk of the installation; ``ana`` makes its tokens."""
    installation.settings = with_portal(installation.settings)
    listen = PagesSettings(Endpoint(ip_address("127.0.0.1"), 21_500), 100)
    async with installation.open(approvals=2) as context:
        state = PagesState(context, WebSettings(None, None, desk=listen), templates())
        yield DeskWorld(make_pages(desk.routes(), state), state, context, installation)
