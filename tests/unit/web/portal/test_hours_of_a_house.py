"""Hours on the portal: bedtime, other stretches, days off, and the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from filterd.model.slot import Slot
from filterd.operations.plan_file import childrens_things
from filterd.operations.policies import policies
from filterd.operations.portal.state import CHANGES
from filterd.web.portal.hours import ZONES
from tests.unit.web.portal.conftest import Browser, PortalPages
from tests.unit.web.portal.test_choices_of_a_parent import GAMES

LINE = "/portal/filtro/1"
HOURS = f"{LINE}/horas"
PROTECTED = """
public_suffixes: true
names: {subtree: [portal.example], exact: [help.example]}
groups:
  - {id: messaging, title: {es: Mensajes, en: Messages}, names: {subtree: [wa.example]}}
  - {id: banks, title: {es: Bancos, en: Banks}, names: {subtree: [bank.example]}}
"""


@pytest.fixture
async def browser(portal: PortalPages) -> Browser:
    """A browser on the hours of a line."""
    portal.installation.write_policy("categories.yaml", GAMES)
    portal.installation.write_policy("protected.yaml", PROTECTED)
    return await (await portal.turned_on()).follow(HOURS)


async def plan_of(portal: PortalPages) -> tuple[Slot, ...]:
    """The line's own week."""
    plan = (await portal.choices()).adjustments.plan
    assert plan is not None
    return plan


@pytest.mark.ring("night")
async def test_bedtime_closes_childrens_things_alone(portal: PortalPages, browser: Browser) -> None:
    await browser.send(f"{HOURS}/lista")
    (slot,) = await plan_of(portal)
    categories, services = childrens_things(policies(portal.context))
    assert slot == Slot((0, 1, 2, 3, 6), 1_230, 390, categories=categories, services=services)
    assert "20:30\N{EN DASH}06:30 juegos, videos y redes sociales" in browser.words
    await browser.open(LINE)
    assert "Ahora está cerrado por horario" in browser.words and "Cambia hoy a las 06:30" in browser.words


@pytest.mark.ring("night")
async def test_a_stretch_is_added_changed_and_removed(portal: PortalPages, browser: Browser) -> None:
    await browser.follow(f"{HOURS}/nueva")
    await browser.send(
        f"{HOURS}/guardar",
        {"dia": ["mon", "fri"], "de": "15:00", "a": "16:30", "que": "temas", "tema": ["gambling"]},
    )
    assert await plan_of(portal) == (Slot((0, 4), 900, 990, categories=("gambling",)),)
    await browser.follow(f"{HOURS}/0")
    assert 'value="15:00"' in browser.text and 'name="dia" value="mon" checked' in browser.text
    assert 'name="tema" value="gambling" checked' in browser.text
    await browser.send(
        f"{HOURS}/guardar", {"dia": ["mon", "tue", "fri"], "tema": ["gambling"], "que": "temas"}
    )
    assert await plan_of(portal) == (Slot((0, 1, 4), 900, 990, categories=("gambling",)),)
    await browser.send(f"{HOURS}/quitar")
    assert await plan_of(portal) == ()
    await browser.send(f"{HOURS}/como-edad")
    assert (await portal.choices()).adjustments.plan is None


@pytest.mark.ring("night")
async def test_everything_warns_and_leaves_what_nobody_took_away(
    portal: PortalPages, browser: Browser
) -> None:
    await browser.follow(f"{HOURS}/nueva")
    assert "También para personas adultas" in browser.words
    given = {"dia": ["sat"], "de": "23:00", "a": "06:00", "que": "todo"}
    await browser.send(f"{HOURS}/guardar", {**given, "deja": ["messaging", "banks"]})
    assert (await plan_of(portal))[0].leaves is None
    await browser.follow(f"{HOURS}/0")
    await browser.send(f"{HOURS}/guardar", {**given, "deja": ["banks"]})
    (slot,) = await plan_of(portal)
    assert slot.everything and slot.leaves == ("banks",)
    await browser.follow(f"{HOURS}/0")
    assert 'name="deja" value="banks" checked' in browser.text
    assert 'name="deja" value="messaging" checked' not in browser.text


@pytest.mark.ring("night")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dia": []}, "al menos un día"),
        ({"dia": ["nothing"]}, "al menos un día"),
        ({"de": "25:00"}, "Escribe las dos horas"),
        ({"a": ""}, "Escribe las dos horas"),
        ({"a": "٠٦:٣٠"}, "Escribe las dos horas"),
        ({"de": "20:00", "a": "20:00"}, "son iguales"),
        ({"que": "temas", "tema": []}, "Elige qué se cierra"),
        ({"que": "temas", "tema": ["nothing"]}, "Elige qué se cierra"),
        ({"que": "x"}, "Elige qué se cierra"),
    ],
)
async def test_a_stretch_with_a_mistake(
    portal: PortalPages, browser: Browser, fields: dict[str, object], words: str
) -> None:
    await browser.follow(f"{HOURS}/nueva")
    given = {"dia": ["mon"], "de": "20:00", "a": "21:00", "que": "ninos"}
    await browser.send(f"{HOURS}/guardar", {**given, **fields})
    assert browser.reply.status_code == 422 and words in browser.words
    assert (await portal.choices()).adjustments.plan is None


@pytest.mark.ring("night")
async def test_a_week_has_an_end(portal: PortalPages, browser: Browser) -> None:
    for minute in range(51):
        portal.after(1 / CHANGES.each_second)
        await browser.open(f"{HOURS}/nueva")
        await browser.send(
            f"{HOURS}/guardar",
            {"dia": ["mon"], "de": f"10:{minute:02}", "a": "12:00", "que": "temas", "tema": ["gambling"]},
        )
    assert browser.reply.status_code == 422 and "Ya hay muchas horas" in browser.words
    assert len(await plan_of(portal)) == 50
    assert len((await browser.open(HOURS)).reply.content) < 150_000


async def test_hours_of_the_age_become_the_lines_own(portal: PortalPages, browser: Browser) -> None:
    name = "profiles/children.yaml"
    old = (portal.installation.base / "policies" / name).read_text()
    slot = 'days: [mon], from: "20:00", until: "21:00", block: {categories: [games], services: [chat]}'
    portal.installation.write_policy(name, f"{old}schedule: [{{{slot}}}]\n")
    await browser.open(HOURS)
    assert "Estas son las horas de la edad" in browser.words
    await browser.follow(f"{HOURS}/0")
    assert "Lo mismo que ahora" in browser.words
    await browser.send(f"{HOURS}/guardar", {"dia": ["mon", "tue"], "que": "igual"})
    assert await plan_of(portal) == (Slot((0, 1), 1_200, 1_260, categories=("games",), services=("chat",)),)
    assert "Estas son tus horas" in browser.words


@pytest.mark.ring("night")
async def test_days_off(portal: PortalPages, browser: Browser) -> None:
    await browser.send(f"{HOURS}/dias", {"dia": "2027-12-25"})
    assert (await portal.choices()).adjustments.holidays == ("2027-12-25",)
    for day in ("2020-01-01", "2099-01-01", "25 de dic", ""):
        await browser.open(HOURS)
        await browser.send(f"{HOURS}/dias", {"dia": day}, number=1)
        assert browser.reply.status_code == 422
    await browser.open(HOURS)
    fields = browser.fields_of(f"{HOURS}/dias")
    await browser.send(f"{HOURS}/dias")
    assert (await portal.choices()).adjustments.holidays == ()
    await browser.post(f"{HOURS}/dias", dict(fields))
    assert browser.reply.status_code == 200, "what is gone already is no failure"


async def test_the_clock(portal: PortalPages, browser: Browser) -> None:
    await browser.send(f"{HOURS}/reloj", {"reloj": "America/Tijuana"})
    assert (await portal.choices()).zone == "America/Tijuana"
    await browser.open(HOURS)
    await browser.send(f"{HOURS}/reloj", {"reloj": "Europe/Berlin"})
    assert browser.reply.status_code == 422


async def test_an_older_page_overwrites_nothing(portal: PortalPages, browser: Browser) -> None:
    other = await (await portal.signed_in()).open(HOURS)
    await browser.send(f"{HOURS}/lista")
    await other.send(f"{HOURS}/lista", number=1)
    assert other.reply.status_code == 409 and "Tu filtro cambió mientras tanto" in other.words
    assert len(await plan_of(portal)) == 1
    await other.open(HOURS)
    await other.post(f"{HOURS}/quitar", {**other.fields_of(f"{HOURS}/quitar"), "lugar": "7"})
    assert other.reply.status_code == 409
    await other.open(f"{HOURS}/9")
    assert other.reply.status_code == 409


async def test_all_that_is_wrong_with_a_stretch_is_said_at_once(
    portal: PortalPages, browser: Browser
) -> None:
    await browser.follow(f"{HOURS}/nueva")
    await browser.send(f"{HOURS}/guardar", {"dia": [], "de": "9 pm", "a": "23:15", "que": "temas"})
    for words in ("Marca al menos un día.", "Escribe las dos horas", "Elige qué se cierra."):
        assert words in browser.words
    assert 'value="9 pm"' in browser.text and 'value="23:15"' in browser.text
    await browser.send(f"{HOURS}/guardar", {"dia": ["mon"], "de": "8:00", "a": "08:00", "que": "todo"})
    assert "Las dos horas son iguales" in browser.words and 'value="mon" checked' in browser.text
    assert (await portal.choices()).adjustments.plan is None
    await browser.open(HOURS)
    await browser.send(f"{HOURS}/dias", {"dia": "2020-12-25"})
    assert "Ese día ya pasó" in browser.words and 'value="2020-12-25"' in browser.text


@pytest.mark.parametrize("zone", ["America/Mexico_City", "America/Chihuahua"])
async def test_a_border_that_moves_its_clocks_can_be_chosen(
    portal: PortalPages, browser: Browser, zone: str
) -> None:
    """The municipalities at the border of the states that keep one time all year follow the neighbour's."""
    summer = datetime(2027, 7, 1, 12, tzinfo=UTC)
    near = [each for each in ZONES if each in ("America/Matamoros", "America/Ojinaga")]
    assert len(near) == 2
    for each in near:
        assert summer.astimezone(ZoneInfo(each)).utcoffset() != summer.astimezone(ZoneInfo(zone)).utcoffset()
        await browser.open(HOURS)
        await browser.post(f"{HOURS}/reloj", {**browser.fields_of(f"{HOURS}/reloj"), "reloj": each})
        assert (await portal.choices()).zone == each
