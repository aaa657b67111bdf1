"""A parent's evening in the browser: what is changed on a page is what the household's devices meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page

from filterd.operations.portal import links
from tests.browser import checks
from tests.browser.forms import Pages
from tests.browser.home import ADULT, CASINO, DEVICE, GAMES, LIBRARY, LIBRARY_LINES, LINE, ORDERED, Home, home
from tests.browser.walk import Walk
from tests.e2e.deployment import ROOT, soon
from tests.worlds.chromium import visit
from tests.worlds.home_network import opened
from tests.worlds.measured import noted
from tests.worlds.shifted_clock import ShiftedClock

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("chromium", "nsd", "gcc")]

PIN = "740283"
FILTER = "/portal/filtro/1"
CHANGES = 120
AT_ONCE = 24
"""changes of one session, which may not make more than 30 without a rest"""
ZONE = ZoneInfo("America/Mexico_City")


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> ShiftedClock:
    return ShiftedClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, clock: ShiftedClock) -> Iterator[Home]:
    with home(tmp_path_factory.mktemp("home"), clock.environment) as made:
        yield made


class Thumb:
    """The taps on a telephone's page, counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taps = 0

    def tap(self, selector: str) -> None:
        """Tap on what is there; the page that it leads to is loaded then."""
        self.page.locator(selector).first.click()
        self.taps += 1


def link(house: Home) -> str:
    """A link of the provider for the household's line."""
    return house.operate(lambda context: links.issue(context, LINE)).url


def enter(house: Home, page: Page) -> Thumb:
    """Sign in by a link; one tap."""
    thumb = Thumb(page)
    page.goto(link(house))
    thumb.tap("form[action='/portal/entrar'] button")
    return thumb


def turn_on(house: Home, page: Page) -> Thumb:
    """From a link to a filter for children."""
    thumb = enter(house, page)
    thumb.tap("a[href*='edad=children']")
    page.fill("input[name=pin]", PIN)
    thumb.tap("form[action$='/encender'] button")
    page.wait_for_url("**/listo*")
    return thumb


def blocked_in_browser(house: Home, name: str) -> bool:
    """Return whether the browser of a device that was not there before cannot open a site."""
    return "ERR_NAME_NOT_RESOLVED" in visit(house.browser, f"http://{name}/")


def opens_in_browser(house: Home, name: str) -> bool:
    """The same, whether it opens."""
    return opened(name) in visit(house.browser, f"http://{name}/")


@pytest.fixture
def off(house: Home) -> None:
    """The line has no filter."""
    house.filterd.cli("subscriber", "opt-out", LINE)
    assert soon(lambda: house.open(ADULT))


def test_nothing_is_filtered_before_but_by_order(house: Home, off: None) -> None:
    assert opens_in_browser(house, ADULT)
    assert blocked_in_browser(house, ORDERED)


def test_a_link_that_is_fetched_is_not_used(house: Home, off: None) -> None:
    url = link(house)
    with checks.device(house.browser) as robot:
        for _ in range(3):
            robot.goto(url)
    with checks.device(house.browser) as page:
        page.goto(url)
        page.click("form[action='/portal/entrar'] button")
        assert page.url.endswith(FILTER), page.inner_text("body")


def test_on_in_four_taps_and_off_in_two(house: Home, off: None) -> None:
    with checks.device(house.browser, 360, java_script_enabled=False) as page:
        thumb = turn_on(house, page)
        assert thumb.taps <= 4
        noted(f"from the link to a filter for children: {thumb.taps} taps")
        assert soon(lambda: house.blocked(ADULT))
        assert blocked_in_browser(house, ADULT)
        assert opens_in_browser(house, LIBRARY)
        page.goto(f"{house.portal}{FILTER}")
        leaving = Thumb(page)
        leaving.tap("a[href$='/quitar']")
        leaving.tap("form[action$='/quitar'] button")
        page.wait_for_url("**/quitado")
        assert leaving.taps <= 2
    assert soon(lambda: house.open(ADULT))
    assert opens_in_browser(house, ADULT)
    assert blocked_in_browser(house, ORDERED)


def test_a_pause_lets_pass_and_ends_by_a_tap(house: Home, off: None) -> None:
    with checks.device(house.browser) as page:
        turn_on(house, page)
        assert soon(lambda: house.blocked(ADULT))
        page.goto(f"{house.portal}{FILTER}/pausa")
        page.click("form:has(input[value='1h']) button")
        assert soon(lambda: house.open(ADULT))
        assert opens_in_browser(house, ADULT)
        assert blocked_in_browser(house, ORDERED)
        page.click("form[action$='/seguir'] button")
        assert soon(lambda: house.blocked(ADULT))
        assert blocked_in_browser(house, ADULT)


def test_a_pin_stands_for_the_holder_on_the_line(house: Home, off: None) -> None:
    with checks.device(house.browser) as page:
        turn_on(house, page)
    with checks.device(house.browser) as page:
        page.goto(f"{house.portal}{FILTER}/pausa")
        assert "/portal/entrar" in page.url
        page.goto(f"{house.portal}/portal/entrar")
        page.fill("form[action='/portal/pin'] input[name=pin]", "740284")
        page.click("form[action='/portal/pin'] button")
        assert FILTER not in page.url
        page.fill("form[action='/portal/pin'] input[name=pin]", PIN)
        page.click("form[action='/portal/pin'] button")
        assert page.url.endswith(FILTER), page.inner_text("body")


def _change(pages: Pages, step: int) -> tuple[Callable[[], object], str, bool]:
    """The change of a step: what makes it, the name that tells, and whether that is blocked then."""
    own = f"own-{step // 6}.example"
    sites, topics = f"{FILTER}/sitios", f"{FILTER}/temas"
    match step % 6:
        case 0:
            return lambda: pages.send(sites, sites, sitio=own, que="cerrar", hasta=""), own, True
        case 1:
            return lambda: pages.send(sites, f"{sites}/quitar", sitio=own), own, False
        case 2:
            return lambda: pages.send(f"{FILTER}/pausa", f"{FILTER}/pausa", hasta="1h"), ADULT, False
        case 3:
            return lambda: pages.send(FILTER, f"{FILTER}/seguir"), ADULT, True
        case 4:
            return lambda: pages.send(topics, topics, cerrado=["adult", "games"]), CASINO, False
        case _:
            return lambda: pages.send(topics, topics, cerrado=["adult", "gambling"]), CASINO, True


def _is(house: Home, name: str, blocked: bool) -> bool:
    return house.blocked(name) == blocked


def _signed_in(house: Home) -> dict[str, str]:
    """The cookies of somebody who signed in with a link."""
    with checks.device(house.browser) as page:
        enter(house, page)
        return {each["name"]: each["value"] for each in page.context.cookies()}


def _in_force(house: Home, pages: Pages, step: int) -> float:
    """Make the change of a step; the seconds from its form to DNS."""
    act, name, blocked = _change(pages, step)
    assert house.blocked(name) != blocked, f"step {step}: {name} is so before"
    act()
    assert soon(partial(_is, house, name, blocked)), f"step {step}: {name}"
    return time.monotonic() - pages.sent_at


def test_each_change_of_a_form_is_soon_in_force(house: Home, off: None) -> None:
    with checks.device(house.browser) as page:
        turn_on(house, page)
    assert soon(lambda: house.blocked(ADULT) and house.blocked(CASINO))
    seconds = []
    for begin in range(0, CHANGES, AT_ONCE):
        with Pages(house.portal, _signed_in(house)) as pages:
            seconds += [_in_force(house, pages, step) for step in range(begin, begin + AT_ONCE)]
    ranked = sorted(seconds)
    middle, late = ranked[CHANGES // 2], ranked[CHANGES * 99 // 100]
    noted(
        f"{CHANGES} changes by the portal's forms, from the form to DNS: median {middle * 1000:.0f} ms, "
        f"p99 {late * 1000:.0f} ms, worst {ranked[-1] * 1000:.0f} ms"
    )


def _walked(house: Home, page: Page, url: str, document: str) -> None:
    """Do what a page of documentation says."""

    def opens(name: str) -> bool:
        return soon(lambda: house.open(name)) and opens_in_browser(house, name)

    def closed(name: str) -> bool:
        return soon(lambda: not house.open(name)) and blocked_in_browser(house, name)

    steps = Walk(page, url, opens, closed).through(ROOT / "docs" / document)
    assert steps > 10


def test_the_evening_of_the_documentation(house: Home, off: None) -> None:
    with checks.device(house.browser) as page:
        _walked(house, page, link(house), "es/una-tarde.md")


@pytest.fixture
def library(house: Home) -> Iterator[str]:
    """A link for the library, on whose first line the device is."""
    for each in LIBRARY_LINES:
        house.filterd.opt_in(each, "libraries")
    first, also = LIBRARY_LINES[0], LIBRARY_LINES[1:]
    _move(house, LINE, first)
    name = "Biblioteca del Centro"
    yield house.operate(lambda context: links.issue(context, first, also=also, organisation=name)).url
    _move(house, first, LINE)


def _move(house: Home, before: str, after: str) -> None:
    """The device's address is on another line from now on."""
    assert before != after
    house.filterd.cli("binding", "remove", f"{DEVICE}/32")
    house.filterd.cli("binding", "add", f"{DEVICE}/32", after)


def test_the_library_of_the_documentation(house: Home, library: str) -> None:
    with checks.device(house.browser, language="en") as page:
        _walked(house, page, library, "library-opens.md")


def test_hours_flip_by_the_clock(house: Home, clock: ShiftedClock, off: None) -> None:
    now = datetime.fromtimestamp(clock.now(), ZONE)
    begin = (now + timedelta(hours=2)).replace(second=0, microsecond=0)
    end = begin + timedelta(hours=3)
    with checks.device(house.browser) as page:
        turn_on(house, page)
        page.goto(f"{house.portal}{FILTER}/horas/nueva")
        for box in page.locator("input[name=dia]").all():
            box.check()
        page.fill("input[name=de]", f"{begin:%H:%M}")
        page.fill("input[name=a]", f"{end:%H:%M}")
        page.check("input[name=que][value=temas]")
        page.locator("details:has(input[name=tema])").evaluate("e => e.open = true")
        page.check("input[name=tema][value=games]")
        page.click("form[action$='/horas/guardar'] button")
        assert f"{begin:%H:%M}" in page.inner_text("main")
    assert soon(lambda: house.blocked(ADULT))
    assert opens_in_browser(house, GAMES)
    clock.move_to((begin + timedelta(seconds=5)).timestamp())
    assert soon(lambda: house.blocked(GAMES))
    assert blocked_in_browser(house, GAMES)
    assert opens_in_browser(house, LIBRARY)
    clock.move_to((end + timedelta(seconds=5)).timestamp())
    assert soon(lambda: house.open(GAMES))
    assert opens_in_browser(house, GAMES)
