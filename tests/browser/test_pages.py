"""Every page of the catalogue, on a narrow screen, by keyboard, without JavaScript, in both languages.

With ``UPDATE_PAGES=1`` the run also makes the pictures of ``docs/pages`` anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from filterd.operations.context import Context
from filterd.operations.portal import links
from tests.browser import checks
from tests.browser.home import CASINO, LIBRARY_LINES, LINE, OTHER_LINE, Home, home
from tests.browser.pages import AGENT, DUTY, HOLDER, LANGUAGES, NEW, ORGANISATION, OVERSEER, PAGES, Listed
from tests.browser.pictures import FOLDER, WIDTHS, file_of, index, take, write_index
from tests.e2e.deployment import soon
from tests.worlds.measured import noted

pytestmark = pytest.mark.system("chromium", "nsd")

UPDATE = os.environ.get("UPDATE_PAGES") == "1"
FIRST = LANGUAGES[0]
"""Spanish; the pages of the other language are tests of the night"""
every_page = pytest.mark.parametrize(
    ("listed", "language"),
    [
        pytest.param(
            each,
            language,
            id=f"{each.name}-{language}",
            marks=() if language == FIRST else pytest.mark.ring("night"),
        )
        for each in PAGES
        for language in LANGUAGES
    ],
)


@dataclass(frozen=True)
class Visited:
    """The household, and the cookies of those who have signed in."""

    home: Home
    signed_in: dict[str, Any]

    def show(self, page: Page, listed: Listed, language: str) -> None:
        """Go to a page of the catalogue."""
        page.goto(f"{self.home.address(listed.site)}{listed.path_in(language)}")
        if listed.act is not None:
            listed.act(page)

    def state(self, listed: Listed) -> Any:
        """The cookies with which a page is visited."""
        return self.signed_in[listed.who] if listed.who else None


async def _library_link(context: Context, first: str, also: Sequence[str]) -> str:
    return (await links.issue(context, first, also=also, organisation="Biblioteca del Centro")).url


def _by_link(browser: Browser, url: str) -> Any:
    with checks.device(browser) as page:
        page.goto(url)
        page.click("form[action='/portal/entrar'] button")
        return page.context.storage_state()


def _at_desk(house: Home, room: str, role: str) -> Any:
    secret = house.filterd.cli("token", "add", f"{room}-1", "--role", role)["secret"]
    with checks.device(house.browser) as page:
        page.goto(f"{house.address(room)}/{room}/sign-in")
        page.fill("input[name=token]", secret)
        page.click(f"form[action='/{room}/sign-in'] button")
        return page.context.storage_state()


WIDE = ("--proportionality", "Solo la página de apuestas vive en ese sitio.")


def _a_wide_order(house: Home) -> None:
    """An order whose authority is not known: two people stand behind it, and its reasons are published. And
    the statement of the day, which control may have signed before."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SUDO_USER", "daemon")
        words = ("--authority", "Juzgado Sexto", "--official", "La jueza", "--document", "77/2026")
        law = ("--ground", "lmtr-182", "--law", "LFJS 9", "--reason", "served")
        made = house.filterd.cli("order", "add", "wide.example", *words, *law, *WIDE)
        patched.setenv("SUDO_USER", "bin")
        house.filterd.cli("order", "approve", made["reference"])
    house.filterd.cli("audit", "statement", "--sign")
    assert soon(
        lambda: WIDE[1] in house.filterd.http(house.ports.portal, "/servicio/temas.html")[1], seconds=90
    )


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    with home(tmp_path_factory.mktemp("home")) as made:
        for line in LIBRARY_LINES:
            made.filterd.opt_in(line, "libraries")
        made.filterd.opt_in(LINE, "children")
        made.filterd.cli("subscriber", "deny", LINE, "own.example")
        made.filterd.cli("subscriber", "allow", LINE, CASINO)
        first, also = LIBRARY_LINES[0], LIBRARY_LINES[1:]
        urls = {
            HOLDER: made.operate(lambda context: links.issue(context, LINE)).url,
            NEW: made.operate(lambda context: links.issue(context, OTHER_LINE)).url,
            ORGANISATION: made.operate(lambda context: _library_link(context, first, also)),
        }
        signed_in = {who: _by_link(made.browser, url) for who, url in urls.items()}
        signed_in[AGENT] = _at_desk(made, "desk", "support")
        signed_in[OVERSEER] = _at_desk(made, "regulator", "regulator")
        assert soon(lambda: made.filterd.http(made.ports.portal, "/servicio/")[0] == 200)
        _a_wide_order(made)
        yield Visited(made, signed_in)


@every_page
def test_a_page_is_for_everybody(visited: Visited, listed: Listed, language: str) -> None:
    """Check width, weight, words, axe-core's rules and the order of the keyboard on a screen of 320 px."""
    browser, state = visited.home.browser, visited.state(listed)
    with checks.device(browser, checks.NARROW, language=language, state=state) as page:
        faults = _read(visited, listed, language, page)
        faults += checks.violations(page)
        if language == FIRST:
            faults += checks.keyboard(page)
        if UPDATE:
            for width in WIDTHS[language]:
                page.set_viewport_size({"width": width, "height": 800})
                take(page, listed, language, width)
    assert faults == []


def _read(visited: Visited, listed: Listed, language: str, page: Page) -> list[str]:
    """The faults of a page of the catalogue that need no script to be seen."""
    weight = checks.Weighing(page)
    visited.show(page, listed, language)
    faults = [f"not at 320 px: {each}" for each in checks.fits(page)]
    faults += checks.words(page, language)
    if weight.total > checks.MOST_BYTES:
        faults.append(f"{weight.total} bytes: {weight.sizes}")
    return faults


@pytest.mark.ring("night")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("listed", PAGES, ids=[each.name for each in PAGES])
def test_a_page_without_script_and_in_both_colours(visited: Visited, listed: Listed, language: str) -> None:
    browser, state = visited.home.browser, visited.state(listed)
    plain = {"language": language, "state": state, "java_script_enabled": False}
    with checks.device(browser, checks.NARROW, **plain) as page:
        faults = _read(visited, listed, language, page)
    with checks.device(browser, language=language, state=state) as page:
        visited.show(page, listed, language)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            faults += [f"{scheme}: {each}" for each in checks.violations(page)]
        if language == FIRST:
            faults += checks.keyboard(page)
    assert faults == []


def test_each_page_has_its_pictures() -> None:
    if UPDATE:
        write_index((*PAGES, *DUTY))
    wanted = {
        file_of(each, language, width)
        for each in (*PAGES, *DUTY)
        for language in LANGUAGES
        for width in WIDTHS[language]
    }
    there = set(FOLDER.glob("*.webp"))
    assert {each.name for each in wanted - there} == set(), "make them: UPDATE_PAGES=1 pytest tests/browser"
    assert {each.name for each in there - wanted} == set(), (
        "pictures of pages that the catalogue does not have"
    )
    assert (FOLDER / "README.md").read_text() == index((*PAGES, *DUTY))


@pytest.mark.parametrize(
    ("language", "topics", "statement"),
    [
        ("es", "/servicio/temas.html", "/servicio/declaracion"),
        pytest.param(
            *("en", "/service/categories.html", "/service/statement"), marks=pytest.mark.ring("night")
        ),
    ],
)
def test_the_topics_show_the_wide_order_and_lead_to_the_statement(
    visited: Visited, language: str, topics: str, statement: str
) -> None:
    with checks.device(visited.home.browser, checks.NARROW, language=language) as page:
        page.goto(f"{visited.home.portal}{topics}")
        assert page.locator("li", has_text=WIDE[1]).count() == 1
        assert checks.fits(page) == []
        page.locator(f"main a[href$='{statement}']").click()
        page.wait_for_load_state()
        assert page.url == f"{visited.home.portal}{statement}"
        assert page.locator("table").count() >= 2, "orders, and lists"


@pytest.mark.ring("night")
def test_the_heaviest_page(visited: Visited) -> None:
    found: dict[str, int] = {}
    for listed in PAGES:
        with checks.device(visited.home.browser, state=visited.state(listed)) as page:
            weight = checks.Weighing(page)
            page.goto(f"{visited.home.address(listed.site)}{listed.path}", wait_until="networkidle")
            found[listed.name] = weight.total
    heaviest = max(found, key=lambda name: found[name])
    noted(f"the heaviest of {len(found)} pages: {heaviest}, {found[heaviest] / 1000:.0f} kB")
    assert found[heaviest] <= checks.MOST_BYTES
