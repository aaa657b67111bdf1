"""The sign-in with the provider's own account, in a browser: there from the portal, through the form of
another site, and back. The browser enforces the policies of our pages and what our cookies say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.portal_settings import OpenidSettings, PortalSettings
from filterd.config.value_types import parse_endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations import subscribers
from filterd.web import portal
from filterd.web.listening.connections import listen, server
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import Translations
from tests.browser import checks
from tests.e2e.authority import free_port
from tests.worlds.chromium import chromium
from tests.worlds.installation import install
from tests.worlds.openid import CLIENT, SECRET, OpenidProvider, openid_provider

pytestmark = pytest.mark.system("chromium")


@contextmanager
def serving(base: Path, provider: OpenidProvider) -> Iterator[tuple[str, PagesState]]:
    """The portal on another site than the provider, with the line ``home``; its address and state."""
    port, found = free_port(), []
    address = f"http://localhost:{port}"
    ready, ended = threading.Event(), threading.Event()
    secret = base / "client-secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    claim = "filterd_lines"
    sign_in = PortalSettings(
        address, OpenidSettings(provider.issuer, CLIENT, secret, claim, ("openid",), None)
    )
    pages = PagesSettings(parse_endpoint(f"127.0.0.1:{port}"), 100)

    async def serve() -> None:
        web = WebSettings(None, None, portal=pages, sign_in=sign_in)
        made = await install(base)
        installation = replace(made, settings=replace(made.settings, web=web))
        installation.now = provider.clock()
        async with installation.open() as context:
            await subscribers.add(context, "home", zone="America/Mexico_City")
            found.append(PagesState(context, web, Templates(Translations())))
            served = server(make_pages(portal.routes(), found[0]), 100)
            task = asyncio.get_running_loop().create_task(served.serve(sockets=[listen("127.0.0.1", port)]))
            ready.set()
            await asyncio.to_thread(ended.wait)
            served.should_exit = True
            await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield address, found[0]
    finally:
        ended.set()
        thread.join(30)


def test_the_providers_form_leads_back_signed_in(tmp_path: Path) -> None:
    with (
        openid_provider() as provider,
        serving(tmp_path, provider) as (address, state),
        chromium(tmp_path) as browser,
        checks.device(browser, java_script_enabled=False) as page,
    ):
        provider.form = True
        page.goto(f"{address}/portal")
        page.click("a[href='/portal/openid/empezar']")
        assert page.url.startswith(f"{provider.issuer}/authorize?"), page.inner_text("body")
        page.click("form button")
        assert page.url == f"{address}/portal/filtro/1", page.inner_text("body")
        page.context.clear_cookies()
        page.goto(f"{address}/portal/filtro/1")
        assert "/portal/entrar" in page.url
        page.click("a[href='/portal/openid/empezar']")
        provider.claims["filterd_lines"] = "somebody-elses"
        page.click("form button")
        assert page.url.startswith(f"{address}/portal/openid?"), page.url
        assert state.refused["openid"] == 1
