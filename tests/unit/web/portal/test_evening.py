"""The shortest way through the portal: from a link to a filter, and out of it again."""

from __future__ import annotations

from filterd.operations import consent, subscribers
from tests.unit.web.portal.conftest import PIN, PortalPages


async def test_from_the_link_to_a_filter_in_four_taps(portal: PortalPages) -> None:
    browser = await portal.browser().open(await portal.link())
    assert browser.reply.status_code == 200 and not (await portal.choices()).opted_in
    await browser.send("/portal/entrar")
    assert browser.path == "/portal/filtro/1"
    assert "De 5 a 12 años" in browser.words
    await browser.follow("/portal/filtro/1/encender?edad=children")
    assert "El texto del día" in browser.words and "DNS privado" in browser.words
    assert not (await portal.choices()).opted_in
    browser.taps += 1  # into the field of the PIN
    await browser.send("/portal/filtro/1/encender", {"pin": PIN})
    assert browser.taps <= 4
    assert browser.path == "/portal/filtro/1/listo"
    assert "Tu filtro está encendido" in browser.words and "5 minutos" in browser.words
    choices = await portal.choices()
    assert choices.opted_in and choices.profile == "children"
    _, asked = await consent.requests(portal.context, "home")
    assert [each.kind for each in asked] == ["opt_in"]
    evidence = asked[0].evidence
    assert evidence.channel == "portal" and evidence.text_version == "2026-11"
    assert asked[0].text_is_as_shown and evidence.recorded_by.startswith("portal:S-")


async def test_out_in_two_taps(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    browser.taps = 0
    await browser.follow("/portal/filtro/1/quitar")
    assert (await portal.choices()).opted_in
    await browser.send("/portal/filtro/1/quitar")
    assert browser.taps == 2
    assert "Tu filtro está apagado" in browser.words
    assert not (await portal.choices()).opted_in


async def test_the_pin_opens_the_page_on_the_line(portal: PortalPages) -> None:
    await portal.turned_on()
    browser = await portal.browser("10.0.0.1").open("/portal")
    assert "En este Internet hay un filtro encendido" in browser.words
    await browser.follow("/portal/entrar")
    await browser.send("/portal/pin", {"pin": PIN})
    assert browser.path == "/portal/filtro/1"
    await browser.follow("/portal/filtro/1/quitar")
    await browser.send("/portal/filtro/1/quitar")
    assert "Tu filtro está apagado" in browser.words
    assert not (await portal.choices()).opted_in


async def test_a_line_without_a_filter_still_has_its_own_sites(portal: PortalPages) -> None:
    """They stay closed when the filter goes: the pages say so, and lead to them."""
    browser = await portal.turned_on()
    await subscribers.deny(portal.context, "home", "malo.example")
    await browser.open("/portal/filtro/1/quitar")
    await browser.send("/portal/filtro/1/quitar")
    await browser.open("/portal/filtro/1")
    assert "los sitios que tú cerraste siguen cerrados" in browser.words
    for part in ("cambios", "proteccion", "datos", "sitios"):
        await browser.open("/portal/filtro/1")
        await browser.follow(f"/portal/filtro/1/{part}")
        assert browser.reply.status_code == 200
    child = await portal.browser("10.0.0.1").open("/portal")
    assert "no hay un filtro encendido, pero sí sitios cerrados" in child.words
    await child.open("/portal/entrar")
    assert "el PIN terminó con él" in child.words
    await browser.open("/portal/filtro/1/sitios")
    await browser.send("/portal/filtro/1/sitios/quitar")
    assert "siguen cerrados" not in (await browser.open("/portal/filtro/1")).words
    assert "sí sitios cerrados" not in (await child.open("/portal")).words
