"""Every page of the portal, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.routing import Route

from filterd.operations import plans, subscribers
from filterd.operations.plans import PlanChange
from filterd.operations.policies import KeptPolicies
from filterd.web.pages.form_pages import page_of_form
from filterd.web.pages.translations import LANGUAGES
from filterd.web.portal import routes
from tests.unit.web.portal.conftest import PIN, Browser, PortalPages

LARGEST = 150_000
LINE = "/portal/filtro/1"
OFF = (
    *("/portal", "/portal/entrar", f"/portal/entrar?k={'a' * 43}", "/portal/quitado", LINE),
    *(f"{LINE}/encender?edad=children", f"{LINE}/encender?edad=families"),
)
ON = (
    LINE,
    *(f"{LINE}/{each}" for each in ("listo", "listo?pin=no", "listo?pin=despues", "quitar", "pausa")),
    f"{LINE}/cerrar",
    *(f"{LINE}/{each}" for each in ("edad", "edad/nueva?edad=families", "temas", "aplicaciones", "busqueda")),
    *(f"{LINE}/{each}" for each in ("atajos", "sitios", "horas", "horas/nueva", "horas/0", "cambios", "pin")),
    *(f"{LINE}/{each}" for each in ("proteccion", "cartel", "datos", "codigo")),
)
PLAN = """
schedule:
  - {days: [mon, sun], from: "21:00", until: "06:30", block: {categories: [gambling]}}
  - {days: [sat], from: "23:00", until: "24:00", block: everything}
"""
SHIPPED = Path(__file__).parents[4] / "policies"


def looks_right(browser: Browser, language: str) -> None:
    """Assert what holds for every page."""
    text = browser.text
    assert browser.reply.status_code == 200, browser.words
    assert f'<html lang="{language}">' in text
    assert len(browser.reply.content) <= LARGEST
    assert text.count("<h1>") == 1
    assert not re.search(r"\bportal\.[a-z_]+\.", browser.words), "a key in the place of a text"
    assert "<script" not in text and "style=" not in text
    for form in re.findall(r"<form.*?</form>", text, re.DOTALL):
        assert 'name="csrf"' in form and 'method="post"' in form
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    referred = re.findall(r'aria-(?:describedby|labelledby)="([^"]*)"', text)
    assert {each for found in referred for each in found.split()} <= set(ids)


@pytest.mark.parametrize("language", ["es", "en"])
async def test_every_page_of_a_line_without_a_filter(portal: PortalPages, language: str) -> None:
    browser = await portal.signed_in(language=language)
    for path in OFF:
        looks_right(await browser.open(path), language)


@pytest.mark.ring("night")
@pytest.mark.parametrize("language", ["es", "en"])
async def test_every_page_of_a_line_with_one(portal: PortalPages, language: str) -> None:
    browser = await portal.turned_on(language=language)
    await plans.change(portal.context, "home", PlanChange(PLAN, holidays=("2027-12-25",)))
    await subscribers.allow(portal.context, "home", "blue.example")
    for path in ON:
        looks_right(await browser.open(path), language)


async def test_every_path_is_looked_at() -> None:
    looked_at = {path.partition("?")[0] for path in (*OFF, *ON)} | {"/portal/filtro", f"{LINE}/horas/0"}
    shown = {
        each.path.replace("{place:number}", "1").replace("{slot:number}", "0")
        for each in routes()
        if isinstance(each, Route) and "GET" in (each.methods or ()) and each.endpoint is not page_of_form
    }
    assert shown - looked_at == {"/portal/openid", "/portal/openid/empezar"}


@pytest.mark.parametrize(
    "done",
    [
        *("pausa", "seguir", "cerrar", "abrir", "edad", "temas", "apps", "busqueda", "atajos", "sitios"),
        *("sitio", "horas", "pin", "proteccion", "aceptar", "abiertos", "temasabiertos"),
    ],
)
async def test_each_change_is_confirmed(portal: PortalPages, done: str) -> None:
    browser = await portal.turned_on()
    await browser.open(f"{LINE}?hecho={done}")
    assert '<p class="box-title">Listo</p>' in browser.text


@pytest.mark.ring("night")
async def test_pages_with_all_that_is_shipped_are_small(portal: PortalPages) -> None:
    """With 276 applications and every profile, the pages hold their size."""
    settings = replace(portal.context.settings, policies=SHIPPED)
    portal.use(replace(portal.context, settings=settings, kept_policies=KeptPolicies()))
    portal.installation.now = 1_810_000_000.0
    browser = await portal.signed_in()
    looks_right(browser, "es")
    words = browser.words
    for age in (
        "De 5 a 12 años",
        "De 13 a 15 años",
        "De 16 y 17 años",
        "Hogares con personas de todas las edades",
    ):
        assert age in words
    assert "Familias, cerrado" not in words
    assert words.index("Otras opciones") < words.index("Escuelas primarias")
    await browser.open(f"{LINE}/encender?edad=families")
    assert "saltarse el filtro" in browser.words
    await browser.open(f"{LINE}/encender?edad=children")
    looks_right(browser, "es")
    await browser.send(f"{LINE}/encender", {"pin": PIN})
    assert browser.path == f"{LINE}/listo"
    for path in ON:
        if not path.endswith("/horas/0"):
            looks_right(await browser.open(path), "es")


@pytest.mark.ring("night")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_was_wrong_with_a_form_can_be_read_in_the_other_language(
    portal: PortalPages, language: str
) -> None:
    other = next(each for each in LANGUAGES if each != language)
    browser = await portal.turned_on(language=language)
    for path in (
        each.path.replace("{place:number}", "1")
        for each in routes()
        if isinstance(each, Route) and each.endpoint is page_of_form
    ):
        await browser.post(path, {"csrf": "of another session"})
        assert browser.path == path and f'href="?lang={other}"' in browser.text
        await browser.open(f"{path}?lang={other}")
        looks_right(browser, other)
        assert browser.path != path
        await browser.open(f"/portal?lang={language}")
