"""The portal says what the line has at this moment, whatever was announced, suspended or paused."""

from __future__ import annotations

import pytest

from filterd.model.adjustments import MOST_ONCE
from filterd.operations import bindings, choices, meanings, plans, subscribers, suspension
from filterd.operations.policies import policies
from tests.unit.web.portal.conftest import HOME, POLICIES, Browser, PortalPages
from tests.unit.web.portal.test_choices_of_a_parent import GAMES

LINE = "/portal/filtro/1"
HOURS = """
schedule:
  - {days: [mon, tue, wed, thu, fri, sat, sun], from: "21:00", until: "06:00", block: {categories: [adult]}}
"""


async def note(portal: PortalPages) -> None:
    """Note the meanings of profiles, as the compiler of snapshots does."""
    await meanings.note(portal.context, policies(portal.context), ())


@pytest.fixture
async def browser(portal: PortalPages) -> Browser:
    """A browser on a line with the children's profile, of which a change is announced: games in the place of
    gambling, and other hours."""
    portal.installation.write_policy("categories.yaml", GAMES)
    before = POLICIES["profiles/children.yaml"]
    portal.installation.write_policy("profiles/children.yaml", before + HOURS)
    browser = await portal.turned_on()
    await note(portal)
    after = before.replace("gambling]", "games]") + HOURS.replace("21:00", "19:00")
    portal.installation.write_policy("profiles/children.yaml", after)
    await note(portal)
    return browser


async def test_an_announced_change_is_not_said_to_hold(portal: PortalPages, browser: Browser) -> None:
    await browser.open(LINE)
    assert "Tu filtro va a cambiar" in browser.words
    assert "Temas Adultos, Apuestas Aplicaciones" in browser.words
    await browser.open(f"{LINE}/temas")
    assert 'value="gambling" checked' in browser.text and 'value="games" checked' not in browser.text
    await browser.open(f"{LINE}/horas")
    assert "21:00\N{EN DASH}06:00" in browser.words and "19:00" not in browser.words
    _, hours = await plans.show(portal.context, "home")
    assert [each.start for each in hours.slots] == [21 * 60]


async def test_an_accepted_change_holds_at_once(portal: PortalPages, browser: Browser) -> None:
    await browser.open(LINE)
    await browser.send(f"{LINE}/aceptar")
    assert "Temas Adultos, Juegos en línea Aplicaciones" in browser.words
    await browser.open(f"{LINE}/horas")
    assert "19:00\N{EN DASH}06:00" in browser.words


@pytest.mark.ring("night")
async def test_a_topic_is_closed_today_though_its_profile_will_close_it(
    portal: PortalPages, browser: Browser
) -> None:
    await browser.open(f"{LINE}/temas")
    await browser.send(f"{LINE}/temas", {"cerrado": ["adult", "gambling", "games"]})
    assert (await portal.choices()).adjustments.categories.added == ("games",)
    await browser.open(f"{LINE}/aplicaciones")
    await browser.send(f"{LINE}/aplicaciones", {"cerrado": []})
    assert (await portal.choices()).adjustments.categories.added == ("games",), "another change opens nothing"


async def test_a_topic_is_opened_today_though_its_profile_will_open_it(
    portal: PortalPages, browser: Browser
) -> None:
    await choices.choose(portal.context, "home", [choices.Wish(choices.TAKE, "category:gambling")])
    assert (await portal.choices()).adjustments.categories.taken == ("gambling",)
    await browser.open(LINE)
    assert "Temas Adultos Aplicaciones" in browser.words


async def test_a_filter_that_the_provider_stopped_is_not_said_to_be_on(portal: PortalPages) -> None:
    await portal.turned_on()
    await suspension.suspend(portal.context, 3_600, reason="a list closed too much")
    here = await portal.browser(HOME).open("/portal")
    assert "tu proveedor lo detuvo" in here.words and "hay un filtro encendido" not in here.words
    library = await portal.signed_in(also=("other",), organisation="Biblioteca Sur")
    await library.open("/portal/filtro")
    assert "home Detenido por tu proveedor other Filtro apagado" in library.words
    await library.open("/portal/filtro/2/encender?edad=families")
    await library.send("/portal/filtro/2/encender", {"pin": ""})
    assert "Ya funciona" not in library.words and "detuvo el filtro de todas las casas" in library.words
    portal.after(3_600)
    here = await portal.browser(HOME).open("/portal")
    assert "En este Internet hay un filtro encendido" in here.words


def at_ten_to_midnight(portal: PortalPages) -> None:
    """Let time pass until then; it is 02:00 at the house."""
    portal.after(21 * 3_600 + 50 * 60)


@pytest.mark.ring("night")
@pytest.mark.parametrize("word", ["hoy", "manana"])
async def test_a_pause_until_tonight_does_not_last_until_the_next_night(
    portal: PortalPages, word: str
) -> None:
    await portal.turned_on()
    at_ten_to_midnight(portal)
    browser = await portal.signed_in()
    await browser.open(f"{LINE}/pausa")
    portal.after(900)
    await browser.send(f"{LINE}/pausa", {"hasta": word})
    assert browser.reply.status_code == 409 and "Ya es otro día" in browser.words
    assert (await portal.choices()).paused_until == 0
    await browser.open(f"{LINE}/pausa")
    await browser.send(f"{LINE}/pausa", {"hasta": word})
    assert (await portal.choices()).paused_until > 0


async def test_a_site_or_a_closing_of_today_is_not_one_of_tomorrow(portal: PortalPages) -> None:
    await portal.turned_on()
    at_ten_to_midnight(portal)
    browser = await portal.signed_in()
    forms = [f"{LINE}/cerrar", f"{LINE}/sitios"]
    seen = [(each, (await browser.open(each)).fields_of(each)) for each in forms]
    portal.after(900)
    for path, fields in seen:
        given = {**fields, "sitio": "tarea.example", "hasta": "hoy"}
        await browser.post(path, {**given, "que": "todo" if path.endswith("cerrar") else "cerrar"})
        assert "otro día" in browser.words
    assert 'value="tarea.example"' in browser.text and 'value="cerrar" checked' in browser.text
    found = await portal.choices()
    assert found.own_names == () and found.adjustments.once == ()
    await browser.send(f"{LINE}/sitios", {"sitio": "tarea.example", "que": "cerrar", "hasta": "hoy"})
    assert [each.name for each in (await portal.choices()).own_names] == ["tarea.example"]


async def test_nothing_is_said_to_be_closed_while_nothing_can_be(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    await browser.open(f"{LINE}/pausa")
    await browser.send(f"{LINE}/pausa")
    assert f"{LINE}/cerrar" not in browser.text
    await browser.open(f"{LINE}/cerrar")
    await browser.send(f"{LINE}/cerrar", {"que": "todo", "hasta": "1h"})
    assert "Está cerrado" not in browser.words and "Termina la pausa" in browser.words
    await browser.open(LINE)
    await browser.send(f"{LINE}/seguir")
    await suspension.suspend(portal.context, 3_600, reason="a list closed too much")
    await browser.open(f"{LINE}/cerrar")
    await browser.send(f"{LINE}/cerrar", {"que": "todo", "hasta": "1h"})
    assert "Está cerrado" not in browser.words and "ninguna casa tiene filtro" in browser.words
    assert (await portal.choices()).adjustments.once == ()


@pytest.mark.ring("night")
async def test_too_many_closings_are_said_to_be_too_many(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    for _ in range(MOST_ONCE + 1):
        portal.after(3)
        await browser.open(f"{LINE}/cerrar")
        await browser.send(f"{LINE}/cerrar", {"que": "todo", "hasta": "3h"})
    assert browser.reply.status_code == 409 and "Ya hay muchos cierres" in browser.words


async def test_a_filter_of_a_line_that_no_node_knows_is_not_said_to_work(portal: PortalPages) -> None:
    await subscribers.add(portal.context, "new", zone="America/Mexico_City")
    browser = await portal.signed_in("new")
    await browser.open(f"{LINE}/encender?edad=children")
    await browser.send(f"{LINE}/encender", {"pin": ""})
    assert "todavía no cierra nada" in browser.words and "Ya funciona" not in browser.words
    await browser.open(LINE)
    assert "Tu filtro está encendido" not in browser.words and "todavía no cierra nada" in browser.words
    await bindings.add(portal.context, "10.0.0.9/32", "new")
    await browser.open(LINE)
    assert "Tu filtro está encendido" in browser.words
