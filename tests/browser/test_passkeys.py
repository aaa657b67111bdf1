"""Passkeys and the regulator's desk in a browser with a virtual authenticator (WebAuthn Level 3, 11).

A passkey is added and signs in at the desk and at the regulator's; a replayed answer, another host and a
copied key are refused. Without JavaScript the form of the token is what there is.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from filterd.config.value_types import parse_endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.operations.tokens import TokenRequest
from filterd.web import desk, regulator
from filterd.web.listening.connections import listen, server
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import Translations
from tests.browser import checks
from tests.e2e.authority import free_port
from tests.worlds.chromium import chromium
from tests.worlds.installation import install

pytestmark = pytest.mark.system("chromium")

ROOT = Path(__file__).parents[2]
IN = "/regulator"
NAV = "nav a[href='/regulator/orders']"


@dataclass(frozen=True)
class Desks:
    """Both desks on one host, and what is known of them."""

    port: int
    state: PagesState
    secret: str

    def address(self, host: str = "localhost") -> str:
        """The address of the desks, by a host that is this machine."""
        return f"http://{host}:{self.port}"


@contextmanager
def serving(base: Path) -> Iterator[Desks]:
    """The two desks, with the token of an operator, who may work at both."""
    port = free_port()
    found: list[tuple[PagesState, str]] = []
    ready, ended = threading.Event(), threading.Event()
    pages = PagesSettings(parse_endpoint(f"127.0.0.1:{port}"), 100, f"http://localhost:{port}")

    async def serve() -> None:
        web = WebSettings(None, None, desk=pages, regulator=pages)
        made = await install(base)
        made.write_policy("jurisdictions/mx.yaml", (ROOT / "policies/jurisdictions/mx.yaml").read_text())
        installation = replace(made, settings=replace(made.settings, web=web))
        async with installation.open() as context:
            token = await tokens.add(context, TokenRequest("daemon", TokenRole.OPERATOR))
            state = PagesState(context, web, Templates(Translations()))
            found.append((state, token.secret))
            app = make_pages([*desk.routes(), *regulator.routes()], state)
            served = server(app, 100)
            task = asyncio.get_running_loop().create_task(served.serve(sockets=[listen("127.0.0.1", port)]))
            ready.set()
            await asyncio.to_thread(ended.wait)
            served.should_exit = True
            await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60) and found
        yield Desks(port, *found[0])
    finally:
        ended.set()
        thread.join(30)


def authenticator(page: Page) -> tuple[CDPSession, str]:
    """A device of the page's person, which verifies him and keeps passkeys."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, str(made["authenticatorId"])


def credentials(session: CDPSession, device: str) -> list[dict[str, Any]]:
    """The passkeys in a device, with their keys and counters."""
    found = session.send("WebAuthn.getCredentials", {"authenticatorId": device})
    return list(found["credentials"])


def by_token(page: Page, address: str, secret: str) -> None:
    """Sign in with the token, and go to the person's own passkeys."""
    page.goto(f"{address}{IN}/sign-in")
    page.fill("input[name=token]", secret)
    page.click(f"form[action='{IN}/sign-in'] button")
    page.wait_for_selector(NAV)


def by_passkey(page: Page, address: str, room: str = IN) -> None:
    """Press the button of the sign-in page's passkey form."""
    page.context.clear_cookies()
    page.goto(f"{address}{room}/sign-in")
    with page.expect_navigation():
        page.click("form[data-passkey] button")


def proven(page: Page, address: str, secret: str) -> None:
    """Paste the token again, and come to the form that adds a passkey."""
    page.goto(f"{address}{IN}/passkeys")
    page.fill("input[name=token]", secret)
    with page.expect_navigation():
        page.click(f"form[action='{IN}/passkeys/new']:not([data-passkey]) button")


def added(page: Page) -> None:
    """Name the device, and let it make a passkey."""
    page.fill("input[name=label]", "telephone")
    with page.expect_navigation():
        page.click("form[data-passkey=create] button")


def test_a_passkey_from_its_first_day_to_its_end(tmp_path: Path) -> None:
    with serving(tmp_path) as desks, chromium(tmp_path) as browser:
        address = desks.address()
        with checks.device(browser, language="en") as page:
            session, device = authenticator(page)
            by_token(page, address, desks.secret)
            proven(page, address, desks.secret)
            added(page)
            assert "Done: you can sign in with it next time." in page.inner_text("main")
            by_passkey(page, address)
            page.wait_for_selector(NAV)
            by_passkey(page, address, "/desk")
            page.wait_for_selector("form[action='/desk/find']")
            _replayed(page, address, desks)
            _elsewhere(page, desks, session, device)
            _copied(browser, page, desks, credentials(session, device)[0])


def _replayed(page: Page, address: str, desks: Desks) -> None:
    """An answer that the page sent once is worth nothing when it is sent again."""
    page.context.clear_cookies()
    page.goto(f"{address}{IN}/sign-in")
    with page.expect_request("**/sign-in/passkey") as sent, page.expect_navigation():
        page.click("form[data-passkey] button")
    page.wait_for_selector(NAV)
    before = desks.state.refused["passkey"]
    again = page.request.post(
        f"{address}{IN}/sign-in/passkey",
        data=sent.value.post_data or "",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert again.status == 403 and desks.state.refused["passkey"] == before + 1


def _elsewhere(page: Page, desks: Desks, session: CDPSession, device: str) -> None:
    """By another name of the machine the browser has no passkey to give: the person is told, and the form of
    the token is there."""
    page.goto(f"{desks.address('127.0.0.1')}{IN}/sign-in")
    page.click("form[data-passkey] button")
    page.wait_for_selector("[data-failed]:not([hidden])")
    assert page.is_visible("input[name=token]")
    assert len(credentials(session, device)) == 1


def _copied(browser: Browser, page: Page, desks: Desks, copy: dict[str, Any]) -> None:
    """A second device with the same key: the counter shows it, and the passkey is revoked."""
    by_passkey(page, desks.address())
    page.wait_for_selector(NAV)
    with checks.device(browser, language="en") as other:
        session, device = authenticator(other)
        session.send("WebAuthn.addCredential", {"authenticatorId": device, "credential": copy})
        by_passkey(other, desks.address())
        assert "This passkey does not work here" in other.inner_text("main")
    by_passkey(page, desks.address())
    assert "This passkey does not work here" in page.inner_text("main")


@pytest.mark.ring("night")
def test_the_pages_of_passkeys_are_for_everybody(tmp_path: Path) -> None:
    with serving(tmp_path) as desks, chromium(tmp_path) as browser:
        address = desks.address()
        with checks.device(browser, java_script_enabled=False, language="en") as page:
            page.goto(f"{address}{IN}/sign-in")
            assert not page.is_visible("form[data-passkey]")
            by_token(page, address, desks.secret)
        for language in ("es", "en"):
            with checks.device(browser, checks.NARROW, language=language, bypass_csp=True) as page:
                session, _ = authenticator(page)
                assert _walked(page, desks, language) == [], language
                session.detach()
        with checks.device(browser, java_script_enabled=False, language="en") as page:
            by_token(page, address, desks.secret)
            page.goto(f"{address}{IN}/passkeys")
            page.click("a[href*='passkeys/revoke']")
            assert not page.is_visible("form[data-passkey]")
            page.fill("input[name=token]", desks.secret)
            page.click("form:has(input[name=token]) button")
            page.wait_for_url("**/passkeys?done=revoked")
            assert "works no longer" in page.inner_text("main")


def _walked(page: Page, desks: Desks, language: str) -> list[str]:
    """The faults of each page on the way of a passkey; that of English is left for the next one to end."""
    address, faults = desks.address(), []

    def look() -> None:
        faults.extend(checks.fits(page) + checks.words(page, language) + checks.violations(page))
        faults.extend(checks.keyboard(page) if language == "es" else [])

    page.goto(f"{address}{IN}/sign-in")
    assert page.is_visible("form[data-passkey]")
    look()
    by_token(page, address, desks.secret)
    page.goto(f"{address}{IN}/passkeys")
    assert not page.locator("form[data-passkey]").count(), "the session alone gets no challenge"
    look()
    proven(page, address, desks.secret)
    assert page.is_visible("form[data-passkey=create]")
    look()
    added(page)
    assert page.is_visible("form[data-passkey=get]")
    look()
    page.click("a[href*='passkeys/revoke']")
    page.wait_for_selector("form[data-passkey=get]", state="visible")
    assert json.loads(page.get_attribute("form[data-passkey]", "data-options") or "{}")["challenge"]
    look()
    if language == "es":
        with page.expect_navigation():
            page.click("form[data-passkey=get] button")
        assert page.url.endswith(f"{IN}/sign-in?done=revoked"), "the session in which it was added ended too"
        assert "ya no sirve" in page.inner_text("main")
    return faults


def test_an_order_is_looked_at_and_signed_on_a_telephone(tmp_path: Path) -> None:
    with serving(tmp_path) as desks, chromium(tmp_path) as browser:
        address = desks.address()
        with checks.device(browser, checks.NARROW, language="es", bypass_csp=True) as page:
            authenticator(page)
            by_token(page, address, desks.secret)
            proven(page, address, desks.secret)
            added(page)
            by_passkey(page, address, "/desk")
            page.goto(f"{address}/desk/orders/new")
            for name in ("official", "document", "law", "reason"):
                page.fill(f"[name={name}]", f"{name} 7/2026")
            page.fill("[name=names]", "casino.example")
            for name in ("authority", "ground"):
                page.select_option(f"[name={name}]", index=1)
            page.click("form[action='/desk/orders/new'] button")
            page.wait_for_selector("form[data-passkey=get]", state="visible")
            faults = checks.fits(page) + checks.words(page, "es") + checks.violations(page)
            assert faults + checks.keyboard(page) == []
            shown = page.inner_text("main")
            assert "casino.example" in shown and "document 7/2026" in shown
            with page.expect_navigation():
                page.click("form[data-passkey=get] button")
            assert page.url.endswith("/desk/orders/1") and "casino.example" in page.content()
