"""Passkeys at the desk: added, used to sign in and to confirm one act, refused and ended."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from filterd.config.web_settings import WebSettings
from filterd.model.token import DAY, TokenRole
from filterd.operations import audit, tokens
from filterd.operations.backup import backup
from filterd.operations.passkeys import keeping
from filterd.operations.passkeys.challenges import SECONDS, SIGN_IN, Challenges
from filterd.operations.passkeys.party import RelyingParty, party_of
from filterd.operations.tokens import NewToken
from filterd.web import desk
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.confirming import act_digest, confirmation, confirmed
from filterd.web.desk.views import at_desk
from filterd.web.pages.application import make_pages
from filterd.web.pages.forms import read_form
from tests.unit.web.desk.conftest import BASE, Browser, DeskWorld
from tests.unit.web.desk.enrolling import device as new_device
from tests.unit.web.desk.enrolling import enrol, options
from tests.worlds.authenticator import PRESENT, Device
from tests.worlds.backups import put_back

FIND = 'action="/desk/find"'
REFUSED = "This passkey does not work here"
ACT = act_digest("order.approve", "O-17")


async def _ask(request: Request, agent: Agent) -> Response:
    shown = await confirmation(request, agent, ACT)
    return PlainTextResponse(
        f'csrf name="csrf" value="{agent.csrf}" data-options="{html.escape(shown.options)}"'
    )


async def _approve(request: Request, agent: Agent) -> Response:
    form = await read_form(request, agent.csrf)
    found = await confirmed(request, agent, form, act_digest("order.approve", form.one("order")))
    return PlainTextResponse(f"approved by {keeping.reference(found)}")


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """The desk under a public URL, with an act that takes an assertion of its own."""
    assert world.state.web.desk is not None
    world.state.web = WebSettings(None, None, desk=replace(world.state.web.desk, public_url=BASE))
    acts = [
        Route("/desk/approve", at_desk(_ask), methods=["GET"]),
        Route("/desk/approve", at_desk(_approve), methods=["POST"]),
    ]
    world.app = make_pages([*desk.routes(), *acts], world.state)
    yield world


async def _enrolled(world: DeskWorld) -> tuple[Device, Browser, NewToken]:
    """A device with a passkey of a new token, and the browser that added it."""
    made, browser, device = await world.token(TokenRole.OPERATOR), world.browser(), new_device()
    await browser.post("/desk/sign-in", token=made.secret)
    reply = await enrol(browser, device, token=made.secret)
    assert "Done: you can sign in with it next time." in reply.text
    return device, browser, made


async def _sign_in(world: DeskWorld, device: Device, browser: Browser | None = None) -> str:
    used = browser or world.browser()
    answer = device.get(await options(used))
    return (await used.post("/desk/sign-in/passkey", answer=answer)).text


async def test_a_passkey_signs_in_as_its_token(world: DeskWorld) -> None:
    device, _, made = await _enrolled(world)
    browser = world.browser()
    assert FIND in await _sign_in(world, device, browser)
    assert "daemon · operator" in (await browser.get("/desk")).text
    (kept,) = await keeping.list_passkeys(world.context)
    assert (kept.passkey.uses, kept.passkey.token) == (1, made.token.number)
    assert kept.passkey.used_day == int(world.installation.now // DAY)
    entry = (await audit.tail(world.context))[-1].entry
    assert (entry.action, entry.actor) == ("passkey.add", "daemon")
    assert device.credential.hex() not in str(entry) and kept.passkey.credential not in str(entry)


async def test_the_script_runs_on_the_pages_of_passkeys_alone(world: DeskWorld) -> None:
    _, browser, _ = await _enrolled(world)
    for path in ("/desk/passkeys", "/desk"):
        reply = await browser.get(path)
        script = path == "/desk/passkeys"
        assert ("script-src 'self'" in reply.headers["content-security-policy"]) == script
        assert ("<script" in reply.text) == script
        assert "unsafe" not in reply.headers["content-security-policy"]


async def test_without_an_address_that_browsers_trust_there_is_the_token_alone(world: DeskWorld) -> None:
    assert world.state.web.desk is not None
    for url in ("", "http://desk.test", "https://192.0.2.1"):
        world.state.web = WebSettings(None, None, desk=replace(world.state.web.desk, public_url=url))
        reply = await world.browser().get("/desk/sign-in")
        assert "<script" not in reply.text and "script-src" not in reply.headers["content-security-policy"]
        assert REFUSED in (await world.browser().post("/desk/sign-in/passkey", answer="{}")).text
    assert party_of("http://localhost:8444") == RelyingParty("localhost", "http://localhost:8444")
    assert party_of("https://desk.isp.example:443/x") == RelyingParty(
        "desk.isp.example", "https://desk.isp.example"
    )


Spoil = Callable[[Device], None]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda device: setattr(device, "origin", "https://elsewhere.test"),
        lambda device: setattr(device, "party", "elsewhere.test"),
        lambda device: setattr(device, "flags", PRESENT),
        lambda device: setattr(device, "key", new_device().key),
        lambda device: setattr(device, "credential", bytes(32)),
        lambda device: setattr(device, "handle", bytes(32)),
    ],
    ids=["origin", "host", "person not verified", "another key", "unknown", "another person"],
)
async def test_a_wrong_answer_is_refused_and_counted(world: DeskWorld, spoil: Spoil) -> None:
    device, _, _ = await _enrolled(world)
    assert FIND in await _sign_in(world, device)
    spoil(device)
    assert REFUSED in await _sign_in(world, device)
    assert world.state.refused["passkey"] == 1


async def test_an_answer_is_taken_once_in_its_own_browser_and_in_time(world: DeskWorld) -> None:
    device, _, _ = await _enrolled(world)
    browser = world.browser()
    answer = device.get(await options(browser))
    assert REFUSED in (await world.browser().post("/desk/sign-in/passkey", answer=answer)).text
    assert FIND in (await browser.post("/desk/sign-in/passkey", answer=answer)).text
    assert REFUSED in (await browser.post("/desk/sign-in/passkey", answer=answer)).text
    late = device.get(await options(browser))
    world.installation.now += SECONDS + 1
    assert REFUSED in (await browser.post("/desk/sign-in/passkey", answer=late)).text
    for each in ("", "{}", "[]", "\x00", '{"id":"x"}', "x" * 20_000):
        assert REFUSED in (await browser.post("/desk/sign-in/passkey", answer=each)).text
    (kept,) = await keeping.list_passkeys(world.context)
    assert kept.state == "valid"  # no stranger ends a passkey by what he sends


async def test_a_revoked_token_ends_its_passkeys_and_its_sessions(world: DeskWorld) -> None:
    device, by_token, made = await _enrolled(world)
    by_passkey = world.browser()
    assert FIND in await _sign_in(world, device, by_passkey)
    await tokens.revoke(world.context, tokens.reference(made.token), reason="left")
    for browser in (by_token, by_passkey):
        assert FIND not in (await browser.get("/desk")).text
    assert REFUSED in await _sign_in(world, device)


async def test_a_passkey_ends_by_itself(world: DeskWorld) -> None:
    device, browser, made = await _enrolled(world)
    kept = (await keeping.list_passkeys(world.context))[-1].passkey
    what = keeping.reference(kept)
    ended = await browser.post("/desk/passkeys/revoke", passkey=what, token=made.secret)
    assert "works no longer" in ended.text
    assert REFUSED in await _sign_in(world, device)


async def test_nobody_ends_the_passkey_of_another_at_a_desk(world: DeskWorld) -> None:
    await _enrolled(world)
    (kept,) = await keeping.list_passkeys(world.context)
    mine = await world.token(TokenRole.SUPPORT, name="sync")
    other = world.browser()
    await other.post("/desk/sign-in", token=mine.secret)
    await other.get("/desk")
    what = keeping.reference(kept.passkey)
    reply = await other.post("/desk/passkeys/revoke", passkey=what, token=mine.secret)
    assert reply.status_code == 409
    assert "<h1>Your passkeys" in (await other.get(f"/desk/passkeys/revoke?passkey={what}")).text
    assert (await keeping.list_passkeys(world.context))[0].state == "valid"


async def test_a_copied_key_is_found_and_revoked(world: DeskWorld) -> None:
    device, _, _ = await _enrolled(world)
    copy = replace(device)
    assert FIND in await _sign_in(world, device)
    assert REFUSED in await _sign_in(world, copy)
    assert REFUSED in await _sign_in(world, device)
    entry = (await audit.tail(world.context))[-1].entry
    assert entry.action == "passkey.revoke" and "there are two of it" in entry.reason


async def test_an_act_is_confirmed_by_its_own_assertion_and_no_other(world: DeskWorld) -> None:
    device, browser, _ = await _enrolled(world)
    answer = device.get(await options(browser, "/desk/approve"))
    other = await browser.post("/desk/approve", answer=answer, order="O-18")
    assert other.status_code == 403 and "nothing was done" in other.text
    done = await browser.post("/desk/approve", answer=answer, order="O-17")
    assert done.text.startswith("approved by K-")
    assert (await browser.post("/desk/approve", answer=answer, order="O-17")).status_code == 403
    signing_in = device.get(await options(world.browser()))
    assert (await browser.post("/desk/approve", answer=signing_in, order="O-17")).status_code == 403
    strange, _, _ = await _enrolled(world)  # another token of the same person: another account
    stranger = strange.get(await options(browser, "/desk/approve"))
    assert (await browser.post("/desk/approve", answer=stranger, order="O-17")).status_code == 403


async def test_a_person_without_a_passkey_is_offered_none_to_confirm_with(world: DeskWorld) -> None:
    browser = await world.agent(TokenRole.OPERATOR)
    assert 'data-options=""' in (await browser.get("/desk/approve")).text


async def test_a_restore_brings_no_passkey_back(world: DeskWorld, tmp_path: Path) -> None:
    device, _, _ = await _enrolled(world)
    await backup(world.context, tmp_path / "backup")
    (kept,) = await keeping.list_passkeys(world.context)
    await keeping.revoke(world.context, keeping.reference(kept.passkey), reason="lost")
    done = await put_back(world.installation, tmp_path / "backup")
    assert done.ended_again == {"passkey": 1}
    (kept,) = await keeping.list_passkeys(world.context)
    assert (kept.passkey.revoked_with, kept.passkey.revoked_at > 0) == ("restore", True)
    assert REFUSED in await _sign_in(world, device)
    assert not await keeping.end_again(world.context, kept.passkey.number, reason="again")


def test_opening_the_sign_in_page_leaves_nothing_in_memory() -> None:
    challenges = Challenges(lambda count: bytes(count))
    first = challenges.make(SIGN_IN, "browser", 0.0)
    assert challenges.holds(first, SIGN_IN, "browser", 60.0)
    assert not challenges.holds(first, SIGN_IN, "browser", -60.0)  # the clock went back
    assert not challenges.holds(first, SIGN_IN, "another", 60.0)
    assert not challenges.holds(first[:-1] + b"x", SIGN_IN, "browser", 60.0)
    assert challenges.spend(first, 60.0) and not challenges.spend(first, 60.0)
    assert not challenges.holds(first, SIGN_IN, "browser", 60.0)
