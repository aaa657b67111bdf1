"""The desk's sign-in: who gets a session, what it is worth, and when it ends."""

from __future__ import annotations

import pytest

from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.web.accounts.sessions import IDLE_SECONDS, LONGEST_SECONDS
from filterd.web.accounts.wrong_tokens import FREE
from tests.unit.web.desk.conftest import DeskWorld

FORM = 'action="/desk/sign-in"'
FIND = 'action="/desk/find"'


async def test_without_a_session_there_is_the_sign_in_page_alone(world: DeskWorld) -> None:
    browser = world.browser()
    for path in ("/desk", "/desk/lines/home", "/desk/find?id=home", "/desk/why"):
        assert FORM in (await browser.get(path)).text
    assert FORM in (await browser.post("/desk/why", name="adult.example")).text


@pytest.mark.parametrize("role", [TokenRole.SUPPORT, TokenRole.OPERATOR, TokenRole.ON_CALL])
async def test_a_token_of_the_desk_begins_a_session(world: DeskWorld, role: TokenRole) -> None:
    browser = await world.agent(role)
    page = await browser.get("/desk")
    assert FIND in page.text
    assert f"daemon · {role}" in page.text


@pytest.mark.parametrize("role", [TokenRole.PROVISIONING, TokenRole.REGULATOR])
async def test_other_roles_are_not_of_the_desk(world: DeskWorld, role: TokenRole) -> None:
    browser = world.browser()
    reply = await browser.post("/desk/sign-in", token=(await world.token(role)).secret)
    assert reply.status_code == 403
    assert role.value in reply.text
    assert "set-cookie" not in reply.headers


async def test_the_cookie_is_bound_to_the_host_and_kept_from_scripts(world: DeskWorld) -> None:
    secret = (await world.token(TokenRole.SUPPORT)).secret
    reply = await world.browser().client.post("/desk/sign-in", data={"token": secret})
    cookie = reply.headers["set-cookie"].lower()
    assert cookie.startswith("__host-filterd_desk=")
    for part in ("httponly", "samesite=strict", "secure", "path=/"):
        assert part in cookie
    assert "domain" not in cookie and secret.lower() not in cookie
    plain = await world.browser(base="http://desk.test").client.post("/desk/sign-in", data={"token": secret})
    assert plain.headers["set-cookie"].startswith("filterd_desk=")


async def test_a_cookie_that_somebody_brought_is_not_taken_over(world: DeskWorld) -> None:
    browser = world.browser()
    browser.client.cookies.set("__Host-filterd_desk", "chosen-by-another", domain="desk.test")
    reply = await browser.client.post(
        "/desk/sign-in", data={"token": (await world.token(TokenRole.SUPPORT)).secret}
    )
    assert "chosen-by-another" not in reply.headers["set-cookie"]


async def test_a_session_ends_with_its_token_at_once(world: DeskWorld) -> None:
    browser = world.browser()
    made = await world.token(TokenRole.SUPPORT)
    await browser.post("/desk/sign-in", token=made.secret)
    assert FIND in (await browser.get("/desk")).text
    await tokens.revoke(world.context, tokens.reference(made.token), reason="left")
    assert FORM in (await browser.get("/desk")).text


async def test_a_session_ends_when_nobody_uses_it_and_after_a_working_day(world: DeskWorld) -> None:
    browser = await world.agent()
    world.installation.now += IDLE_SECONDS
    assert FORM in (await browser.get("/desk")).text
    browser = await world.agent()
    for _ in range(int(LONGEST_SECONDS / (IDLE_SECONDS - 60))):
        world.installation.now += IDLE_SECONDS - 60
        assert FIND in (await browser.get("/desk")).text
    world.installation.now += IDLE_SECONDS - 60
    assert FORM in (await browser.get("/desk")).text


async def test_signing_out_ends_the_session_of_that_cookie(world: DeskWorld) -> None:
    browser = await world.agent()
    kept = dict(browser.client.cookies)
    assert FORM in (await browser.post("/desk/sign-out")).text
    browser.client.cookies.update(kept)
    assert FORM in (await browser.get("/desk")).text


async def test_a_token_is_not_taken_from_another_network(world: DeskWorld) -> None:
    made = await world.token(TokenRole.SUPPORT, networks=("192.0.2.0/24",))
    outside, inside = world.browser(), world.browser(address="192.0.2.7")
    assert (await outside.post("/desk/sign-in", token=made.secret)).status_code == 403
    assert FIND in (await inside.post("/desk/sign-in", token=made.secret)).text


async def test_wrong_tokens_all_look_alike_and_are_slowed_by_network(world: DeskWorld) -> None:
    revoked = await world.token(TokenRole.SUPPORT)
    await tokens.revoke(world.context, tokens.reference(revoked.token), reason="left")
    browser = world.browser(address="2001:db8::1")
    wrong = [revoked.secret, "filterd_" + "A" * 43, "x", "<script>", "x" * 500][:FREE]
    replies = {(await browser.post("/desk/sign-in", token=each)).text for each in wrong}
    assert len(replies) == 1
    assert world.state.refused["desk"] == len(wrong)
    right = (await world.token(TokenRole.SUPPORT)).secret
    neighbour = world.browser(address="2001:db8::2")
    assert (await neighbour.post("/desk/sign-in", token=right)).status_code == 429
    assert world.state.refused["desk"] == len(wrong) + 1
    assert FIND in (await world.browser(address="2001:db8:0:1::1").post("/desk/sign-in", token=right)).text
    world.installation.now += 6
    assert FIND in (await neighbour.post("/desk/sign-in", token=right)).text


async def test_forms_of_others_do_nothing(world: DeskWorld) -> None:
    browser = await world.agent()
    other = await world.agent()
    for fields in ({"csrf": ""}, {"csrf": other.csrf}):
        reply = await browser.client.post("/desk/sign-out", data=fields)
        assert reply.status_code == 403
    secret = (await world.token(TokenRole.SUPPORT)).secret
    headers = {"Origin": "https://elsewhere.test"}
    forged = await world.browser().client.post("/desk/sign-in", data={"token": secret}, headers=headers)
    assert forged.status_code == 403
    assert FIND in (await browser.get("/desk")).text
