"""The public pages over a small installation, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest

from filterd.config.value_types import parse_endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.context import Context
from filterd.web import public
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from tests.meta.test_known_failures import ROOT
from tests.worlds.installation import Installation
from tests.worlds.page_words import templates, translations

BASE = "http://publico.isp.example:21298"
ZONE = "prueba.isp.example"
MEXICO = "jurisdictions/mx.yaml"
TRANSLATIONS = translations()


@dataclass
class PublicPages:
    """The application, and clients of it."""

    state: PagesState
    context: Context
    installation: Installation

    def client(self, address: str = "192.0.2.1", language: str = "es") -> httpx.AsyncClient:
        """A client from this address; each has the limits of a new process."""
        transport = httpx.ASGITransport(make_pages(public.routes(), self.state), client=(address, 40_000))
        headers = {"Accept-Language": language}
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)


@pytest.fixture
async def pages(installation: Installation) -> AsyncIterator[PublicPages]:
    """The public pages of an installation in Mexico, with a zone of test names."""
    installation.write_policy(MEXICO, (ROOT / "policies" / MEXICO).read_text())
    listen = parse_endpoint("127.0.0.1:21298")
    web = WebSettings(None, None, public=PagesSettings(listen, 100, test_zone=ZONE))
    installation = replace(installation, settings=replace(installation.settings, web=web))
    async with installation.open() as context:
        yield PublicPages(PagesState(context, web, templates()), context, installation)
