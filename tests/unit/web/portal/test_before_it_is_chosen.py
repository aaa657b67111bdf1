"""An age is read before it is chosen: all that opens and closes, its hours, its warning."""

from __future__ import annotations

import pytest

from filterd.operations import subscribers
from filterd.operations.feeds import updating
from filterd.operations.selection import Selection
from tests.unit.web.portal.conftest import POLICIES, Browser, PortalPages

LINE = "/portal/filtro/1"
CHILDREN = POLICIES["profiles/children.yaml"]
NIGHTS = """
title: {es: Noches sin Internet, en: Nights without Internet}
description: {es: Cierra todo de noche., en: Closes everything at night.}
audience: {es: De 5 a 12 años, en: Ages 5 to 12}
warning: {es: "También cámaras y aparatos médicos.", en: "Cameras and medical devices too."}
categories: [adult, gambling]
services: [chat]
safe_search: [search-strict]
bypass: [doh]
schedule:
  - {days: [sun, mon], from: "21:00", until: "06:00", block: everything}
"""


@pytest.fixture
async def browser(portal: PortalPages) -> Browser:
    """A browser that has signed in."""
    portal.installation.write_policy("profiles/school-nights-offline.yaml", NIGHTS)
    return await portal.signed_in()


@pytest.mark.parametrize("path", ["encender", "edad/nueva"])
async def test_hours_that_close_everything_warn_before(browser: Browser, path: str) -> None:
    if path != "encender":
        await browser.open(f"{LINE}/encender?edad=children")
        await browser.send(f"{LINE}/encender", {"pin": ""})
    await browser.open(f"{LINE}/{path}?edad=school-nights-offline")
    assert "También cámaras y aparatos médicos." in browser.words
    assert "21:00\N{EN DASH}06:00 lunes, domingo: casi todo Internet" in browser.words
    await browser.open(f"{LINE}/{path}?edad=families")
    assert "Léelo antes" not in browser.words


async def test_a_warning_of_a_profile_without_ways_is_shown(portal: PortalPages, browser: Browser) -> None:
    warned = POLICIES["profiles/families.yaml"] + 'warning: {es: "Ojo con esto.", en: "Mind this."}\n'
    portal.installation.write_policy("profiles/families.yaml", warned)
    await browser.open(f"{LINE}/encender?edad=families")
    assert "Ojo con esto." in browser.words


async def test_another_age_says_what_opens_and_that_hours_end(portal: PortalPages, browser: Browser) -> None:
    await browser.open(f"{LINE}/encender?edad=school-nights-offline")
    await browser.send(f"{LINE}/encender", {"pin": ""})
    await browser.open(f"{LINE}/edad/nueva?edad=children")
    assert "Se cierra además Nada Se abre Nada Horas No hay horas." in browser.words
    assert "Las horas que venían con la edad de antes terminan" in browser.words
    await browser.open(f"{LINE}/edad/nueva?edad=families")
    opened = "Se abre Temas: Apuestas Aplicaciones: Chat Búsqueda segura: Busca Para saltarse el filtro: DoH"
    assert opened in browser.words
    await browser.open(f"{LINE}/horas/nueva")
    given = {"dia": ["sat"], "de": "20:00", "a": "22:00", "que": "todo", "deja": []}
    await browser.send(f"{LINE}/horas/guardar", given)
    await browser.open(f"{LINE}/edad/nueva?edad=families")
    assert "Horas Se quedan las tuyas." in browser.words


async def test_topics_without_a_list_that_was_read_are_said_and_it_goes_on(
    portal: PortalPages, browser: Browser
) -> None:
    (portal.installation.base / "policies/lists/adult.txt").unlink()
    for listed in (False, True):
        await browser.open(f"{LINE}/encender?edad=families")
        assert "Todavía no tenemos la lista de: Adultos" in browser.words
        if not listed:
            async with portal.installation.open() as context:
                await updating.update(context)
    await browser.send(f"{LINE}/encender", {"pin": ""})
    assert "Todavía no tenemos la lista de: Adultos" in browser.words
    assert "Ya funciona en tu Internet" not in browser.words
    await browser.open(f"{LINE}/edad/nueva?edad=families-closed")
    assert "puede que Internet no abra en tu casa" in browser.words
    await browser.send(f"{LINE}/edad/nueva", {})
    async with portal.installation.open() as context:
        (line,) = [
            each async for each in subscribers.list_subscribers(context, wanted=Selection(opted_in=True))
        ]
    assert line.choices.profile == "families-closed"
