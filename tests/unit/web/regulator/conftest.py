"""The regulator's desk over an installation in which names are planted that it must never show."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address

import httpx
import pytest
from starlette.types import ASGIApp

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.model.records import FeedInForce, NodeReport
from filterd.model.rule import Scope
from filterd.model.token import TokenRole
from filterd.operations import bindings, exceptions, nodes, subscribers, tokens
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.service_page import records
from filterd.operations.tokens import TokenRequest
from filterd.operations.trail import rotating, statements
from filterd.web import regulator
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.published.site import render
from tests.meta.test_known_failures import ROOT
from tests.worlds.installation import NOW, Installation, as_person, with_portal
from tests.worlds.page_words import templates

BASE = "https://regulator.test"
PLANTED = (
    "line-planted-4711",
    "own-name-planted.example",
    "10.99.88.0",
    "order-planted.example",
    "worst.example",
    "planted-reference",
)
"""a line, its own name and address, the names of a confidential order and list, the evidence of a request"""
NODE = NodeReport(
    "resolver-1",
    NOW,
    1,
    1,
    "a" * 64,
    ready=True,
    lists={},
    effective_digest="e" * 64,
    effective_at=NOW - 60,
    feeds=(FeedInForce("list-1", "mandatory", "1", "d" * 64, 1, NOW - 60),),
)
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Desk:
    """The application, and the context of the installation."""

    app: ASGIApp
    state: PagesState
    context: Context
    installation: Installation

    async def browser(self, role: TokenRole = TokenRole.REGULATOR, language: str = "en") -> Visitor:
        """A browser that is signed in."""
        made = await tokens.add(self.context, TokenRequest("daemon", role))
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 40_000))
        headers = {"Accept-Language": language}
        visitor = Visitor(httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers))
        reply = await visitor.client.post("/regulator/sign-in", data={"token": made.secret})
        assert reply.status_code == 303, reply.text
        await visitor.get("/regulator")
        return visitor


@dataclass
class Visitor:
    """A browser, and the token of the forms of its session."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def get(self, path: str) -> httpx.Response:
        """Open a page."""
        reply = await self.client.get(path)
        found = _CSRF.search(reply.text)
        self.csrf = found[1] if found else self.csrf
        return reply

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form."""
        return await self.client.post(path, data={"csrf": self.csrf, **fields})


async def plant(context: Context) -> None:
    """A line with everything that a line can have, orders, a confidential one among them, and a list."""
    line = PLANTED[0]
    await subscribers.add(context, line)
    await bindings.add(context, "10.99.88.0/24", line)
    await subscribers.deny(context, line, PLANTED[1])
    await updating.update(context)
    basis = ("sat", "A. Official", "D-1", "liva-18h", "demanded")
    await taking.add(context, OrderRequest(*basis, (("ordered.example", Scope.SUBTREE),)))
    secret = OrderRequest(*basis, ((PLANTED[3], Scope.SUBTREE),), confidential=True)
    await taking.add(context, secret)
    await rotating.make(context)
    await records.publish(context, render)
    await statements.make(context)
    await nodes.record(context, NODE)
    await exceptions.add(context, "opened.example", 3600, reason="wrongly blocked")


@pytest.fixture
async def desk(installation: Installation) -> AsyncIterator[Desk]:
    """The desk; ``ana`` makes its tokens."""
    installation.settings = with_portal(installation.settings)
    installation.write_policy("jurisdictions/mx.yaml", (ROOT / "policies/jurisdictions/mx.yaml").read_text())
    listen = PagesSettings(Endpoint(ip_address("127.0.0.1"), 21_600), 100, BASE)
    async with installation.open(approvals=1) as context:
        await plant(as_person(context, "ana"))
        state = PagesState(context, WebSettings(None, None, regulator=listen), templates())
        yield Desk(make_pages(regulator.routes(), state), state, context, installation)
