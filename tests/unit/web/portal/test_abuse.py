"""What the portal does with requests that nobody's page made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.routing import Route

from filterd.model.portal import PinFault
from filterd.operations import consent, erasure, subscribers
from filterd.operations.consent import ContractEvent
from filterd.operations.errors import (
    ConflictError,
    NotAllowedError,
    NotReachedError,
    OperationError,
    UnknownError,
    UnknownLineError,
)
from filterd.operations.portal.pins import PinFaultError
from filterd.operations.portal.refusals import PinRefusedError, SignInRefusedError, TooManyTriesError
from filterd.operations.portal.state import CHANGES
from filterd.web.pages.translations import LANGUAGES
from filterd.web.portal import routes
from filterd.web.portal.problems import ChangedMeanwhileError, problem_of
from tests.unit.web.portal.conftest import Browser, PortalPages
from tests.worlds.page_words import translations

LINE = "/portal/filtro/1"
POSTS = (
    *("encender", "quitar", "pausa", "seguir", "cerrar", "abrir", "edad/nueva", "temas", "aplicaciones"),
    *("busqueda", "atajos", "sitios", "sitios/quitar", "horas/guardar", "horas/quitar", "horas/lista"),
    *(
        "aceptar",
        "horas/como-edad",
        "horas/dias",
        "horas/reloj",
        "pin",
        "proteccion",
        "datos/copia",
        "codigo",
    ),
)


@pytest.mark.ring("merge")
async def test_each_form_needs_the_token_of_its_session(portal: PortalPages) -> None:
    browser, other = await portal.turned_on(), await portal.signed_in("other")
    before = await portal.choices()
    stolen = other.fields_of("/portal/salir")["csrf"]
    for path in POSTS:
        for token in ("", "x", stolen):
            await browser.post(f"{LINE}/{path}", {"csrf": token})
            assert browser.reply.status_code == 403, path
            assert "No se cambió nada" in browser.words
    await browser.post("/portal/salir", {"csrf": stolen})
    assert browser.reply.status_code == 403
    assert await portal.choices() == before


async def test_each_form_is_known_here(portal: PortalPages) -> None:
    """The list above is that of the routes."""
    known = {
        each.path.removeprefix("/portal/filtro/{place:number}/")
        for each in routes()
        if isinstance(each, Route) and "POST" in (each.methods or ()) and "{place" in each.path
    }
    assert known == set(POSTS)


@pytest.mark.ring("merge")
async def test_no_path_leads_to_another_line(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    await subscribers.deny(portal.context, "other", "secreto.example")
    replies = []
    for place in ("2", "0", "99999999999999999999"):
        for path in ("", "/sitios", "/cambios", "/datos", "/encender?edad=children"):
            await browser.open(f"/portal/filtro/{place}{path}")
            assert browser.reply.status_code == 404, browser.words
            replies.append(browser.words)
    assert len(set(replies)) == 1
    for place in ("other", "-1", "1%2e", "1/../2"):
        assert (await browser.open(f"/portal/filtro/{place}")).reply.status_code == 404
    for path in POSTS:
        fields = {"csrf": browser_token(await browser.open(LINE)), "hasta": "1h", "edad": "children"}
        await browser.post(f"/portal/filtro/2/{path}", fields)
        assert browser.reply.status_code == 404
    choices = await portal.choices("other")
    assert not choices.opted_in and len(choices.own_names) == 1


def browser_token(browser: Browser) -> str:
    """The token of the session on the open page."""
    return browser.fields_of("/portal/salir")["csrf"]


async def test_what_comes_in_addresses_stays_text(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    for path in (
        *("?hecho=%3Cscript%3E", "?hecho=../x", "/sitios?sitio=%3Cscript%3E", "?hecho=title"),
        *("/encender?edad=%3Cscript%3E", "/edad/nueva?edad=%0d%0aSet-Cookie:%20a=b"),
        *("/listo?pin=%3Cscript%3E", "?lang=%0d%0aX:%20y"),
    ):
        await browser.open(f"{LINE}{path}")
        assert browser.reply.status_code == 200
        assert "<script" not in browser.text
        assert "x" not in browser.reply.headers and "a=b" not in str(browser.reply.headers)


async def test_a_holder_who_left_changes_nothing_more(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    await browser.open(f"{LINE}/pausa")
    await consent.end(portal.context, "home", ContractEvent.TRANSFERRED, reference="c-1")
    await browser.send(f"{LINE}/pausa")
    assert browser.reply.status_code == 403 and "Entra otra vez" in browser.words
    assert not (await portal.choices()).opted_in


async def test_a_line_that_was_erased(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    await erasure.erase(portal.context, "home", reason="asked")
    await browser.open(LINE)
    assert browser.reply.status_code in (200, 404)
    assert "Traceback" not in browser.text and "subscriber" not in browser.words


async def test_opting_out_is_never_refused(portal: PortalPages) -> None:
    """However old its page is, and with broken policies too."""
    browser = await portal.turned_on()
    await browser.open(f"{LINE}/quitar")
    await subscribers.set_profile(portal.context, "home", "families")
    portal.installation.write_policy("categories.yaml", "nonsense")
    portal.installation.write_policy("consent/2026-11.yaml", "nonsense")
    await browser.send(f"{LINE}/quitar")
    assert "Tu filtro está apagado" in browser.words
    assert not (await portal.choices()).opted_in


async def test_a_text_that_changed_while_it_was_read(portal: PortalPages) -> None:
    browser = await portal.signed_in()
    await browser.open(f"{LINE}/encender?edad=children")
    newer = "since: 2026-12-01\ntext: {es: Otro texto., en: Another text.}\n"
    portal.installation.write_policy("consent/2026-12.yaml", newer)
    await browser.send(f"{LINE}/encender", {"pin": "402817"})
    assert browser.reply.status_code == 409 and "Otro texto." in browser.words
    assert not (await portal.choices()).opted_in
    await browser.send(f"{LINE}/encender", {"pin": "402817"})
    assert (await portal.choices()).opted_in


async def test_without_a_text_nothing_is_turned_on(portal: PortalPages) -> None:
    (portal.installation.base / "policies" / "consent" / "2026-11.yaml").unlink()
    browser = await portal.signed_in()
    await browser.open(f"{LINE}/encender?edad=children")
    assert browser.reply.status_code == 503 and "Llama a tu proveedor" in browser.words


async def test_broken_policies_are_told_in_spanish(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    portal.installation.write_policy("categories.yaml", "nonsense")
    for path in ("", "/temas", "/horas", "/edad"):
        await browser.open(f"{LINE}{path}")
        assert browser.reply.status_code == 503
        assert "No se cambió nada" in browser.words and "policies" not in browser.words
    await browser.follow(f"{LINE}/quitar")
    await browser.send(f"{LINE}/quitar")
    assert not (await portal.choices()).opted_in


@pytest.mark.parametrize(
    "error",
    [
        OperationError("raw"),
        UnknownError("raw"),
        UnknownLineError("raw"),
        ConflictError("raw"),
        NotAllowedError("raw"),
        NotReachedError("raw"),
        ChangedMeanwhileError(),
        SignInRefusedError(),
        PinRefusedError(0.0),
        PinRefusedError(61.0),
        TooManyTriesError(5.0),
        *(PinFaultError(each) for each in PinFault),
    ],
)
def test_each_refusal_has_words(error: OperationError) -> None:
    told = problem_of(error)
    for language in LANGUAGES:
        words = translations().of(language)
        text = words.text(f"{told.key}.title") + words.text(f"{told.key}.body", **told.values)
        assert "raw" not in text
        assert "%(" not in text


@pytest.mark.ring("merge")
async def test_the_changes_of_a_session_are_bounded_and_leaving_is_not(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    other = await portal.signed_in()
    await browser.open(f"{LINE}/horas")
    fields = browser.fields_of("/portal/salir")
    for _ in range(CHANGES.at_once):
        await browser.post(f"{LINE}/seguir", fields)
        if browser.reply.status_code == 429:
            break
    assert browser.reply.status_code == 429 and "Espera" in browser.words
    await other.post(f"{LINE}/seguir", other.fields_of("/portal/salir"))
    assert other.reply.status_code == 200, "another session is not kept out"
    portal.after(1 / CHANGES.each_second)
    await browser.post(f"{LINE}/seguir", fields)
    assert browser.reply.status_code == 200
    await browser.post(f"{LINE}/seguir", fields)
    assert browser.reply.status_code == 429
    await browser.post(f"{LINE}/quitar", fields)
    assert browser.reply.status_code == 200 and not (await portal.choices()).opted_in


async def test_a_fault_of_the_installation_is_told_as_one_and_a_number_without_end_is_none(
    portal: PortalPages,
) -> None:
    """A damaged key: nothing that the parent chose is wrong, and the page says so."""
    browser = await portal.turned_on()
    await browser.open(f"{LINE}/pin")
    fields = {"csrf": browser_token(browser)}
    for place in ("9" * 5_000, "99", "-1"):
        for path in ("horas/guardar", "horas/quitar"):
            await browser.post(f"{LINE}/{path}", {**fields, "lugar": place})
            assert browser.reply.status_code == 409, browser.words
    assert (await browser.open(f"/portal/filtro/{'1' * 5_000}")).reply.status_code == 404
    portal.installation.write_policy("categories.yaml", "- {id: adult")
    portal.use(replace(portal.context, kept_policies=None))
    for reply in (await browser.open(f"{LINE}/horas"), await browser.post(f"{LINE}/horas/quitar", fields)):
        assert reply.reply.status_code == 503, reply.words
        assert "Ahora no podemos hacerlo" in reply.words
