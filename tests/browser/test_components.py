"""The components of the house, of which all pages are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.browser import checks
from tests.browser.listener import components
from tests.worlds.chromium import chromium

pytestmark = pytest.mark.system("chromium")


@dataclass(frozen=True)
class House:
    """A browser, and the page's address."""

    browser: Browser
    url: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with components(folder) as url, chromium(folder) as browser:
        yield House(browser, url)


@pytest.mark.parametrize("language", ["es", "en"])
def test_it_fits_a_narrow_screen(house: House, language: str) -> None:
    with checks.device(house.browser, checks.NARROW, language=language) as page:
        page.goto(house.url)
        assert checks.fits(page) == []
        assert checks.words(page, language) == []


def test_what_does_not_fit_is_found(house: House) -> None:
    with checks.device(house.browser, checks.NARROW) as page:
        page.goto(house.url)
        page.evaluate("document.querySelector('h1').style.width = '400px'")
        assert checks.fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(house: House, scheme: str) -> None:
    with checks.device(house.browser, color_scheme=scheme, bypass_csp=True) as page:
        page.goto(house.url)
        assert checks.violations(page) == []


def test_axe_finds_what_is_wrong(house: House) -> None:
    with checks.device(house.browser, bypass_csp=True) as page:
        page.goto(house.url)
        page.evaluate("document.querySelector('label').remove()")
        assert any("label" in each for each in checks.violations(page))


def test_the_keyboard_reaches_everything(house: House) -> None:
    with checks.device(house.browser) as page:
        page.goto(house.url)
        assert checks.keyboard(page) == []


def test_what_the_keyboard_does_not_reach_is_found(house: House) -> None:
    with checks.device(house.browser) as page:
        page.goto(house.url)
        page.evaluate("document.querySelector('select').tabIndex = -1")
        assert checks.keyboard(page)


def test_the_navigation_can_be_skipped(house: House) -> None:
    with checks.device(house.browser) as page:
        page.goto(house.url)
        assert checks.skips(page)


def test_space_ticks_and_opens(house: House) -> None:
    with checks.device(house.browser) as page:
        page.goto(house.url)
        page.focus("input[type=checkbox]")
        page.keyboard.press("Space")
        assert page.is_checked("input[type=checkbox]")
        page.focus("summary")
        page.keyboard.press("Enter")
        assert page.get_attribute("details", "open") is not None


def test_it_is_light(house: House) -> None:
    with checks.device(house.browser, java_script_enabled=False) as page:
        weight = checks.Weighing(page)
        page.goto(house.url, wait_until="networkidle")
        assert any(url.endswith("house.css") for url in weight.sizes)
        assert weight.total < checks.MOST_BYTES
