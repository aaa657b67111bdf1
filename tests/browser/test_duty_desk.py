"""The duty desk in a browser: an officer at three in the morning on a telephone, and the second person.

With ``UPDATE_PAGES=1`` the run also makes the pictures of its pages anew.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from starlette.routing import BaseRoute

from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.operations.context import Context
from filterd.operations.duty import handing_over, requests, roster
from filterd.operations.duty.requests import RequestAsked
from filterd.operations.orders import taking
from filterd.operations.tokens import TokenRequest
from filterd.web import desk
from tests.browser import checks
from tests.browser.listener import served_pages
from tests.browser.pages import DUTY, LANGUAGES, Listed
from tests.browser.pictures import WIDTHS, take
from tests.e2e.deployment import ROOT
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.chromium import chromium
from tests.worlds.installation import as_person

pytestmark = pytest.mark.system("chromium")

DAY = 86_400
FIRST, SECOND = [each.pw_name for each in pwd.getpwall() if each.pw_name != "root"][:2]
UPDATE = os.environ.get("UPDATE_PAGES") == "1"
SCREEN = 800
"""pixels of a telephone's screen"""


@dataclass(frozen=True)
class Night:
    """The desk at night: its address, a browser, and the cookies of two officers."""

    url: str
    browser: Browser
    first: object
    second: object


async def _filled(context: Context, secrets: dict[str, str]) -> list[BaseRoute]:
    """The desk over a store in which a request is late and an order waits for a second person."""
    folder = context.settings.policies / "jurisdictions"
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "policies/jurisdictions/mx.yaml", folder)
    now = context.clock()
    for name in (FIRST, SECOND):
        asked = TokenRequest(name, TokenRole.ON_CALL)
        secrets[name] = (await tokens.add(as_person(context, name), asked)).secret
    officer = as_person(context, FIRST)
    old = RequestAsked("sat", "OF-500/2026", "Bloquear un casino", received_at=now - 3 * DAY)
    await requests.enter(officer, old)
    await requests.enter(officer, RequestAsked("judge", "77/2026", "Levantar un bloqueo"))
    await taking.add(officer, REQUEST)
    await roster.add(officer, FIRST, int(now) - 3_600, int(now) + 2 * DAY)
    await handing_over.write_down(officer, "Llamar al SAT a las ocho.\nLo demás, tranquilo.")
    return desk.routes()


def _signed_in(browser: Browser, url: str, secret: str) -> object:
    with checks.device(browser) as page:
        page.goto(f"{url}/desk/sign-in")
        page.fill("input[name=token]", secret)
        page.click("form[action='/desk/sign-in'] button")
        return page.context.storage_state()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    secrets: dict[str, str] = {}

    async def prepare(context: Context) -> list[BaseRoute]:
        return await _filled(context, secrets)

    with served_pages(folder, prepare) as url, chromium(folder) as browser:
        first, second = (_signed_in(browser, url, secrets[name]) for name in (FIRST, SECOND))
        yield Night(url, browser, first, second)


def _show(page: Page, where: str, listed: Listed) -> None:
    page.goto(where)
    if listed.act is not None:
        listed.act(page)


@pytest.mark.parametrize(
    "language",
    [pytest.param(each, marks=() if each == "es" else pytest.mark.ring("night")) for each in LANGUAGES],
)
def test_every_page_fits_reads_and_is_reached_by_keyboard(night: Night, language: str) -> None:
    faults = []
    for listed in DUTY:
        where = f"{night.url}{listed.path}"
        with checks.device(night.browser, checks.NARROW, language=language, state=night.first) as page:
            _show(page, where, listed)
            faults += [(listed.name, each) for each in checks.fits(page)]
            faults += [(listed.name, each) for each in checks.words(page, language)]
            faults += [(listed.name, each) for each in checks.keyboard(page)]
        scheme = "dark" if language == "es" else "light"
        more: dict[str, Any] = {"color_scheme": scheme, "bypass_csp": True}
        with checks.device(night.browser, language=language, state=night.first, **more) as page:
            _show(page, where, listed)
            faults += [(listed.name, each) for each in checks.violations(page)]
        for width in WIDTHS[language] if UPDATE else ():
            with checks.device(night.browser, width, language=language, state=night.first) as page:
                _show(page, where, listed)
                take(page, listed, language, width)
    assert faults == []


def test_what_is_late_needs_no_scrolling_and_is_big_enough(night: Night) -> None:
    with checks.device(night.browser, state=night.first, java_script_enabled=False) as page:
        page.goto(f"{night.url}/desk/orders")
        button = page.locator("li.due.bad a.button").first
        box = button.bounding_box()
        assert box is not None and box["y"] + box["height"] <= SCREEN and box["height"] >= 44
        assert "hace" in page.locator("li.due.bad").first.inner_text()


def _press(page: Page, selector: str) -> None:
    page.click(selector)
    page.wait_for_load_state()


def test_two_approve_one_lifts_and_the_other_looks_at_it(night: Night, tmp_path: Path) -> None:
    del tmp_path
    base = "/desk/orders/1"
    with checks.device(night.browser, state=night.second, java_script_enabled=False) as page:
        page.goto(f"{night.url}/desk/orders")
        _press(page, f"a[href='{base}#approve']")
        _press(page, f"form[action='{base}/approve'] button")
        assert "En vigor" in page.inner_text("main")
    with checks.device(night.browser, state=night.first, java_script_enabled=False) as page:
        page.goto(f"{night.url}{base}")
        _press(page, f"a[href='{base}/emergency']")
        assert "¿Levantar O\u20111 ahora?" in page.inner_text("h1")
        page.check("input[name=who][value=authority]")
        page.fill("input[name=reason]", "es un hospital")
        _press(page, f"form[action='{base}/emergency'] button")
        assert "falta revisar" in page.inner_text("main")
    with checks.device(night.browser, state=night.second, java_script_enabled=False) as page:
        page.goto(f"{night.url}{base}")
        page.fill("#review-reason", "sí era un hospital")
        _press(page, f"form[action='{base}/review'] button")
        assert "sí era un hospital" in page.inner_text("main")
        page.goto(f"{night.url}/desk/orders/handover")
        _press(page, "form[action='/desk/orders/handover/read'] button")
        assert "La leí" not in page.inner_text("main")
