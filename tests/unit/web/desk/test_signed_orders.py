"""An order is taken in at the desk with the proof that an approval takes (decision 0422)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from filterd.model.order import OrderState
from filterd.model.token import TokenRole
from filterd.operations.orders import showing
from filterd.operations.passkeys import keeping
from filterd.operations.tokens import NewToken
from filterd.web.accounts.sessions import UNSIGNED_SECONDS
from tests.unit.web.desk.conftest import Browser, DeskWorld
from tests.unit.web.desk.enrolling import asked, device, enrol, options, take_passkeys
from tests.unit.web.desk.test_duty_desk import ORDER, officer
from tests.worlds.authenticator import Device

NEW, SIGN = "/desk/orders/new", "/desk/orders/new/sign"


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """The desk under a public URL, with the deadlines of Mexico."""
    take_passkeys(world)
    yield world


async def _owner(world: DeskWorld) -> tuple[Browser, Device, NewToken]:
    """Somebody with a passkey, signed in."""
    made = await world.token(TokenRole.ON_CALL, name="sync", maker="sync")
    browser, mine = world.browser(), device()
    await browser.post("/desk/sign-in", token=made.secret)
    assert "Done" in (await enrol(browser, mine, token=made.secret)).text
    return browser, mine, made


async def _orders(world: DeskWorld) -> int:
    return len(await showing.list_orders(world.context))


def _ask_everybody_for_a_passkey(world: DeskWorld) -> None:
    orders = replace(world.context.settings.orders, approval="passkey")
    world.state.context = replace(world.context, settings=replace(world.context.settings, orders=orders))


async def test_whoever_has_a_passkey_signs_what_they_typed(world: DeskWorld) -> None:
    browser, mine, _ = await _owner(world)
    page = await browser.post(NEW, **ORDER)
    assert page.url.path == SIGN and "Sign the order" in page.text
    assert all(
        each in page.text for each in ("casino.example", "OF-500/2027", "resolución", "not taken in yet")
    )
    assert await _orders(world) == 0
    taken = await browser.post(SIGN, answer=mine.get(asked(page)))
    assert taken.url.path == "/desk/orders/1" and "Waits for approval" in taken.text
    order = await showing.show(world.context, "O-1")
    assert (order.state, order.demand.document) == (OrderState.PENDING, "OF-500/2027")
    again = await browser.post(SIGN, answer=mine.get(asked(page)))
    assert again.status_code == 409 and "Look for it in the list" in again.text
    assert await _orders(world) == 1


async def test_a_session_that_somebody_finds_takes_nothing_in(world: DeskWorld) -> None:
    browser, mine, _ = await _owner(world)
    stranger = device()
    page = await browser.post(NEW, **ORDER)
    stranger.handle = b""
    before = mine.get(await options(browser, "/desk/passkeys"))
    for proof in (
        {},
        {"answer": ""},
        {"answer": stranger.get(asked(page))},
        {"answer": before},
        {"token": "x"},
    ):
        refused = await browser.post(SIGN, **proof)
        assert refused.status_code == 403 and "nothing was done" in refused.text, proof
    assert await _orders(world) == 0


async def test_a_signature_is_for_what_was_shown(world: DeskWorld) -> None:
    browser, mine, _ = await _owner(world)
    shown = asked(await browser.post(NEW, **ORDER))
    await browser.post(NEW, **{**ORDER, "names": "another.example"})
    assert (await browser.post(SIGN, answer=mine.get(shown))).status_code == 403
    assert await _orders(world) == 0
    signed = await browser.post(SIGN, answer=mine.get(await options(browser, SIGN)))
    assert "another.example" in signed.text and await _orders(world) == 1


async def test_what_is_missing_is_told_before_anything_is_signed(world: DeskWorld) -> None:
    browser, _, _ = await _owner(world)
    page = await browser.post(NEW, **{**ORDER, "official": ""})
    assert page.status_code == 409 and page.text.count("This is missing.") == 1
    assert (await browser.get(SIGN)).status_code == 409
    waits = await browser.post(NEW, **ORDER)
    assert 'href="/desk/orders/new?held=1"' in waits.text
    assert 'value="OF-500/2027"' in (await browser.get(f"{NEW}?held=1")).text, (
        "nothing that was typed is lost"
    )


async def test_no_form_waits_for_ever_or_in_another_session(world: DeskWorld) -> None:
    browser, mine, made = await _owner(world)
    await browser.post(NEW, **ORDER)
    other = world.browser()
    await other.post("/desk/sign-in", token=made.secret)
    assert (await other.get(SIGN)).status_code == 409
    world.installation.now += UNSIGNED_SECONDS - 1
    last = asked(await browser.get(SIGN))
    world.installation.now += 1
    await browser.get("/desk")
    late = await browser.post(SIGN, answer=mine.get(last))
    assert late.status_code == 409 and "waited for more than ten minutes" in late.text
    assert await _orders(world) == 0


async def test_the_names_of_a_confidential_order_stand_on_neither_page(world: DeskWorld) -> None:
    browser, mine, _ = await _owner(world)
    secret = {**ORDER, "names": "secret-name.example", "confidential": "1"}
    page = await browser.post(NEW, **secret)
    assert page.url.path == SIGN and "secret-name" not in page.text and "type them again" in page.text
    assert "secret-name" not in (await browser.get(f"{NEW}?held=1")).text
    signed = await browser.post(SIGN, answer=mine.get(asked(page)))
    assert "Waits for approval" in signed.text and "secret-name" not in signed.text


async def test_without_the_last_passkey_the_token_signs(world: DeskWorld) -> None:
    _, _, made = await _owner(world)
    (kept,) = await keeping.list_passkeys(world.context)
    await keeping.revoke(world.context, keeping.reference(kept.passkey), reason="telephone lost")
    browser = world.browser()
    await browser.post("/desk/sign-in", token=made.secret)
    await browser.get("/desk")
    page = await browser.post(NEW, **ORDER)
    assert page.url.path == SIGN and "You had a passkey" in page.text
    assert (await browser.post(SIGN)).status_code == 403
    assert "Waits for approval" in (await browser.post(SIGN, token=made.secret)).text


async def test_where_everybody_is_asked_for_one_nobody_types_in_vain(
    world: DeskWorld,
) -> None:
    _ask_everybody_for_a_passkey(world)
    browser = await officer(world)
    for refused in (await browser.get(NEW), await browser.post(NEW, **ORDER)):
        assert refused.status_code == 403 and "takes a passkey" in refused.text
    assert await _orders(world) == 0


async def test_whoever_never_had_a_passkey_takes_in_by_session(world: DeskWorld) -> None:
    assert "Waits for approval" in (await (await officer(world)).post(NEW, **ORDER)).text
