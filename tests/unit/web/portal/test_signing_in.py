"""Coming in: links that previews cannot use up, codes, PINs, and what their abuse gets."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from filterd.model.portal import PortalRole, SignInMethod
from filterd.operations.portal import links, openid, sessions
from filterd.operations.portal.openid import OpenidStart
from filterd.operations.portal.refusals import SignInRefusedError
from filterd.operations.portal.sessions import SignedIn
from tests.unit.web.portal.conftest import ELSEWHERE, HOME, PIN, PortalPages

LINE = "/portal/filtro/1"
REFUSED = "Este enlace o esta clave no abre"


async def test_only_the_button_uses_a_link(portal: PortalPages) -> None:
    path = await portal.link()
    preview = portal.browser()
    for _ in range(3):
        assert (await preview.client.head(path)).status_code == 200
        await preview.client.get(path, headers={"Sec-Purpose": "prefetch", "User-Agent": "WhatsApp/2"})
    assert "filterd_session" not in str(preview.client.cookies)
    browser = await portal.browser().open(path)
    assert "Nothing" not in browser.words and "No se cambia nada" in browser.words
    await browser.send("/portal/entrar")
    assert browser.path == LINE
    secret = path.partition("?k=")[2]
    assert secret not in str(browser.reply.url) and secret not in browser.text


async def test_the_cookie_is_kept_from_others(portal: PortalPages) -> None:
    browser = await portal.browser().open(await portal.link())
    browser.client.follow_redirects = False
    await browser.send("/portal/entrar")
    assert browser.reply.status_code == 303 and browser.reply.headers["location"] == LINE
    given = [each for each in browser.reply.headers.get_list("set-cookie") if "session" in each]
    assert len(given) == 1
    for part in ("__Host-filterd_session=", "HttpOnly", "Path=/", "SameSite=lax", "Secure"):
        assert part in given[0]
    assert "Max-Age" not in given[0] and "Domain" not in given[0]
    assert browser.reply.headers["referrer-policy"] == "same-origin", "no other site gets a link"


async def test_without_https_the_cookie_has_a_plain_name(portal: PortalPages) -> None:
    browser = await portal.browser(base="http://filtro.example").open(await portal.link())
    await browser.send("/portal/entrar")
    assert browser.path == LINE
    assert "filterd_session" in browser.client.cookies


async def test_a_link_works_once(portal: PortalPages) -> None:
    path = await portal.link()
    await (await portal.browser().open(path)).send("/portal/entrar")
    again = await (await portal.browser().open(path)).send("/portal/entrar")
    assert again.reply.status_code == 403 and REFUSED in again.words
    assert (await again.open(LINE)).path == "/portal/entrar"


async def test_expired_and_forged_links_look_the_same(portal: PortalPages) -> None:
    late = await portal.browser().open(await portal.link())
    portal.after(901)
    await late.send("/portal/entrar")
    forged = await portal.browser().open(f"/portal/entrar?k={'x' * 43}")
    await forged.send("/portal/entrar")
    assert late.reply.status_code == forged.reply.status_code == 403
    assert late.words == forged.words
    assert {way: count for way, count in portal.state.refused.items() if count} == {"link": 2}
    cut = await portal.browser().open("/portal/entrar?k=abc")
    assert REFUSED in cut.words


async def test_a_code_can_be_typed_as_it_is_heard(portal: PortalPages) -> None:
    issued = await links.issue(portal.context, "home")
    browser = await portal.browser().open("/portal/entrar")
    await browser.send("/portal/entrar", {"codigo": issued.code.lower().replace("-", " ")}, number=0)
    assert browser.path == LINE


async def test_codes_cannot_be_tried_out(portal: PortalPages) -> None:
    browser = await portal.browser().open("/portal/entrar")
    fields = browser.fields_of("/portal/entrar")
    statuses = []
    for number in range(25):
        await browser.post("/portal/entrar", {**fields, "codigo": f"AAAAA-AAA{number:02}"})
        statuses.append(browser.reply.status_code)
    assert statuses[0] == 403 and statuses[-1] == 429
    assert "Espera" in browser.words and "too many" not in browser.text
    assert portal.state.refused["code"] == 25


async def test_an_empty_code_is_asked_for(portal: PortalPages) -> None:
    browser = await portal.browser().open("/portal/entrar")
    await browser.send("/portal/entrar", {"codigo": ""})
    assert browser.reply.status_code == 422 and "Falta la clave" in browser.words


async def test_another_site_cannot_sign_somebody_in(portal: PortalPages) -> None:
    path = await portal.link()
    secret = path.partition("?k=")[2]
    browser = await portal.browser().open(path)
    fields = browser.fields_of("/portal/entrar")
    for given, headers in (
        ({"k": secret}, {}),
        ({"k": secret, "csrf": "a" * 64}, {}),
        (fields, {"Origin": "https://elsewhere.example"}),
        (fields, {"Sec-Fetch-Site": "cross-site"}),
    ):
        await browser.post("/portal/entrar", given, **headers)
        assert browser.reply.status_code == 403
    await browser.post("/portal/entrar", fields)
    assert browser.path == LINE, "none of them used the link up"


async def test_without_cookies_a_link_is_not_used_up(portal: PortalPages) -> None:
    path = await portal.link()
    browser = await portal.browser().open(path)
    browser.client.cookies.clear()
    await browser.post("/portal/entrar", {"k": path.partition("?k=")[2], "csrf": sessions.csrf_token("")})
    assert browser.reply.status_code == 403 and "El enlace no se gastó" in browser.words
    await browser.open(path)
    await browser.send("/portal/entrar")
    assert browser.path == LINE


async def test_a_sign_in_gives_a_new_secret(portal: PortalPages) -> None:
    """A secret that an attacker put into the browser opens nothing after a sign-in (session fixation)."""
    attacker = await portal.signed_in("other")
    planted = attacker.client.cookies["__Host-filterd_session"]
    victim = portal.browser()
    victim.client.cookies.set("__Host-filterd_session", planted, domain="filtro.example")
    await victim.open(await portal.link("home"))
    await victim.send("/portal/entrar")
    kept = [each.value for each in victim.client.cookies.jar if each.name == "__Host-filterd_session"]
    assert planted not in kept
    assert (await attacker.open(LINE)).path == "/portal/entrar", "the planted session has ended"


async def test_a_pin_says_nothing_of_what_there_is(portal: PortalPages) -> None:
    await portal.turned_on()
    replies = []
    for address in (HOME, "10.0.0.2"):  # a line with a PIN, and one without
        browser = await portal.browser(address).open("/portal/entrar")
        await browser.send("/portal/pin", {"pin": "974310"})
        replies.append((browser.reply.status_code, browser.words))
    assert replies[0] == replies[1]
    assert replies[0][0] == 403 and "Ese PIN no abre" in replies[0][1]
    away = await portal.browser(ELSEWHERE).open("/portal/entrar")
    assert "apaga los datos móviles" in away.words
    await away.post("/portal/pin", {"csrf": away.fields_of("/portal/entrar")["csrf"], "pin": PIN})
    assert away.reply.status_code == 403 and "Ese PIN no abre" in away.words


@pytest.mark.ring("night")
async def test_a_pin_cannot_be_tried_out(portal: PortalPages) -> None:
    await portal.turned_on()
    child = await portal.browser(HOME).open("/portal/entrar")
    fields = child.fields_of("/portal/pin")
    for number in range(10):
        await child.post("/portal/pin", {**fields, "pin": f"{730_146 + number * 7_919}"})
    assert child.reply.status_code == 429 and "Espera" in child.words
    await child.post("/portal/pin", {**fields, "pin": PIN})
    assert child.reply.status_code == 429, "not even the right one is looked at"
    assert portal.state.refused["pin"] == 11
    assert (await portal.choices()).opted_in
    parent = await portal.signed_in()
    assert parent.path == LINE, "a link goes on to work"


async def test_an_ended_session_changes_nothing(portal: PortalPages) -> None:
    browser = await portal.turned_on()
    await browser.open(f"{LINE}/pausa")
    fields = browser.fields_of(f"{LINE}/pausa")
    portal.after(sessions.IDLE + 1)
    await browser.post(f"{LINE}/pausa", fields)
    assert browser.reply.status_code == 403 and "Pasó mucho tiempo" in browser.words
    assert (await portal.choices()).paused_until == 0
    await browser.open(LINE)
    assert browser.path == "/portal/entrar" and "Pasó mucho tiempo" in browser.words


@pytest.mark.ring("night")
async def test_signing_out(portal: PortalPages) -> None:
    browser, other = await portal.turned_on(), await portal.signed_in()
    await browser.send("/portal/salir")
    assert browser.path == "/portal" and "Saliste" in browser.words
    assert (await browser.open(LINE)).path == "/portal/entrar"
    assert (await other.open(f"{LINE}/cambios")).path == f"{LINE}/cambios"
    third = await portal.signed_in()
    await other.send("/portal/salir", number=1)
    assert (await third.open(LINE)).path == "/portal/entrar", "everywhere means everywhere"


async def test_who_is_on_the_line_sees_the_state_alone(portal: PortalPages) -> None:
    child = await portal.browser(HOME).open("/portal")
    assert "no hay un filtro encendido" in child.words
    parent = await portal.turned_on()
    await child.open("/portal")
    assert "hay un filtro encendido" in child.words and "home" not in child.words
    assert "Niñas y niños" not in child.words
    await parent.open(f"{LINE}/pausa")
    await parent.send(f"{LINE}/pausa")
    assert "ahora está en pausa" in (await child.open("/portal")).words
    assert "En este Internet" not in (await portal.browser(ELSEWHERE).open("/portal")).words
    for path in (
        "pausa",
        "quitar",
        "encender",
        "temas",
        "sitios",
        "horas/guardar",
        "abrir",
        "cerrar",
        "seguir",
    ):
        await child.post(f"{LINE}/{path}", {"hasta": "1h"})
        assert child.reply.status_code == 403
    assert (await portal.choices()).opted_in


@pytest.fixture
def provider(portal: PortalPages, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A provider's sign-in that lets in who comes back with the right state."""
    seen: dict[str, str] = {}

    async def begin(*_: object) -> OpenidStart:
        return OpenidStart("https://login.example/authorize?state=s", "the cookie")

    async def finish(
        _: object, context: object, cookie: str, query: Mapping[str, str], *, previous: str = ""
    ) -> SignedIn:
        seen.update(cookie=cookie, previous=previous)
        if cookie != "the cookie" or query.get("state") != "s":
            raise SignInRefusedError
        found = await portal.sign_in_directly("home")
        assert found.session.role is PortalRole.HOLDER and found.session.method is SignInMethod.LINK
        return found

    monkeypatch.setattr(openid, "offered", lambda _: True)
    monkeypatch.setattr(openid, "begin", begin)
    monkeypatch.setattr(openid, "finish", finish)
    return seen


async def test_the_providers_own_sign_in(portal: PortalPages, provider: dict[str, str]) -> None:
    browser = await portal.browser().open("/portal")
    browser.client.follow_redirects = False
    await browser.follow("/portal/openid/empezar")
    assert browser.reply.headers["location"] == "https://login.example/authorize?state=s"
    assert "HttpOnly" in browser.reply.headers["set-cookie"]
    browser.client.follow_redirects = True
    await browser.open("/portal/openid?state=s&code=c")
    assert browser.path == LINE and provider["cookie"] == "the cookie"
    assert "__Host-filterd_openid" not in browser.client.cookies


async def test_a_forged_return_signs_nobody_in(portal: PortalPages, provider: dict[str, str]) -> None:
    browser = await portal.browser().open("/portal/openid?state=forged&code=c")
    assert browser.reply.status_code == 403 and REFUSED in browser.words
    assert provider["cookie"] == ""
    assert portal.state.refused["openid"] == 1
    assert (await browser.open(LINE)).path == "/portal/entrar"


async def test_without_openid_there_is_no_way_to_it(portal: PortalPages) -> None:
    browser = await portal.browser().open("/portal/openid?state=s&code=c")
    assert browser.path == "/portal/entrar" and "cuenta de mi proveedor" not in browser.words
    assert (await browser.open("/portal/openid/empezar")).path == "/portal/entrar"


async def test_a_session_by_pin_ends_on_another_line(portal: PortalPages) -> None:
    await portal.turned_on()
    child = await portal.browser(HOME).open("/portal/entrar")
    await child.send("/portal/pin", {"pin": PIN})
    assert child.path == LINE
    at = {}
    for address in (ELSEWHERE, "10.0.0.2", HOME):
        browser = portal.browser(address)
        browser.client.cookies.update(child.client.cookies)
        at[address] = (await browser.open(f"{LINE}/cambios")).path
    assert at == {
        ELSEWHERE: f"{LINE}/cambios",
        "10.0.0.2": "/portal/entrar",
        HOME: "/portal/entrar",
    }, "it has ended where it was brought to another line"
