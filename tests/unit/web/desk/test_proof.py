"""A session alone proves nobody: passkeys come and go by a passkey or the token, and approvals do not fall
back to the session of somebody who had one (decision 0410)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from filterd.model.order import OrderState
from filterd.model.token import TokenRole
from filterd.operations import audit
from filterd.operations.orders import showing
from filterd.operations.passkeys import keeping
from filterd.operations.tokens import NewToken
from filterd.web.accounts.wrong_tokens import FIRST_WAIT, FREE
from tests.unit.web.desk.conftest import Browser, DeskWorld
from tests.unit.web.desk.enrolling import asked, device, enrol, options, take_passkeys
from tests.unit.web.desk.test_duty_desk import ORDER, officer
from tests.worlds.authenticator import Device

FIND = 'action="/desk/find"'
STRANGE = "This is not your token"
UNSIGNED = "nothing was done"
APPROVE = "/desk/orders/1/approve"


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """The desk under a public URL, with the deadlines of Mexico."""
    take_passkeys(world)
    yield world


@dataclass
class Owner:
    """Somebody with a passkey: the browser in which it was added, and what is theirs alone."""

    browser: Browser
    made: NewToken
    device: Device

    @property
    def secret(self) -> str:
        return self.made.secret


async def _owner(world: DeskWorld, name: str = "sync") -> Owner:
    made = await world.token(TokenRole.ON_CALL, name=name, maker=name)
    browser = world.browser()
    await browser.post("/desk/sign-in", token=made.secret)
    found = Owner(browser, made, device())
    assert "Done" in (await enrol(browser, found.device, token=made.secret)).text
    return found


async def _one(world: DeskWorld) -> keeping.ShownPasskey:
    (found,) = await keeping.list_passkeys(world.context)
    return found


async def _waiting_order(world: DeskWorld) -> None:
    page = (await (await officer(world)).post("/desk/orders/new", **ORDER)).text
    assert "Waits for approval" in page


async def _state(world: DeskWorld) -> OrderState:
    return (await showing.show(world.context, "O-1")).state


async def _thief_gets_nothing(world: DeskWorld, browser: Browser) -> None:
    """Everything that a session without device and token can try."""
    thiefs = device()
    (kept,) = await keeping.list_passkeys(world.context)
    what = keeping.reference(kept.passkey)
    for page in ("/desk/passkeys", f"/desk/passkeys/revoke?passkey={what}", "/desk/orders/1"):
        challenge = asked(await browser.get(page))
        thiefs.handle = b""
        answer = thiefs.get(challenge)
        for proof in ({}, {"answer": answer}, {"token": ""}, {"token": "filterd_" + "a" * 43}):
            world.installation.now += 20.0  # no wait stands in the way of the refusal itself
            new = await browser.post("/desk/passkeys/new", **proof)
            assert new.status_code in (403, 429) and asked(new) == "", proof
            ended = await browser.post("/desk/passkeys/revoke", passkey=what, **proof)
            assert ended.status_code in (403, 429), proof
            approved = await browser.post(APPROVE, **proof)
            assert approved.status_code == 403, proof
    user = '{"challenge": "AAAA", "user": {"id": "AAAA"}}'
    for means in ("token", what, ""):
        own = await browser.post("/desk/passkeys", answer=thiefs.create(user), label="x", means=means)
        assert own.status_code == 409
    assert (await _one(world)).state == "valid"


@pytest.mark.ring("merge")
@pytest.mark.parametrize("approval", ["session", "passkey"])
async def test_a_stolen_session_alone_approves_nothing(world: DeskWorld, approval: str) -> None:
    await _waiting_order(world)
    orders = replace(world.context.settings.orders, approval=approval)
    settings = replace(world.context.settings, orders=orders)
    world.state.context = replace(world.context, settings=settings)
    owner = await _owner(world)
    await _thief_gets_nothing(world, owner.browser)
    assert await _state(world) is OrderState.PENDING
    answer = owner.device.get(await options(owner.browser, "/desk/orders/1"))
    assert "In force" in (await owner.browser.post(APPROVE, answer=answer)).text


@pytest.mark.ring("merge")
async def test_without_the_last_passkey_an_approval_takes_the_token_again(world: DeskWorld) -> None:
    await _waiting_order(world)
    owner = await _owner(world)
    what = keeping.reference((await _one(world)).passkey)
    await keeping.revoke(world.context, what, reason="telephone lost")
    browser = world.browser()
    await browser.post("/desk/sign-in", token=owner.secret)
    page = await browser.get("/desk/orders/1")
    assert "You had a passkey" in page.text and 'name="token"' in page.text
    for wrong in ({}, {"token": ""}, {"token": (await world.token(TokenRole.ON_CALL)).secret}):
        refused = await browser.post(APPROVE, **wrong)
        assert refused.status_code == 403 and STRANGE in refused.text
    assert await _state(world) is OrderState.PENDING
    assert "In force" in (await browser.post(APPROVE, token=owner.secret)).text


async def test_a_new_token_of_the_same_person_brings_no_session_back(world: DeskWorld) -> None:
    await _waiting_order(world)
    owner = await _owner(world)
    again = await world.token(TokenRole.ON_CALL, name=owner.made.token.name, maker=owner.made.token.name)
    browser = world.browser()
    await browser.post("/desk/sign-in", token=again.secret)
    await browser.get("/desk/orders/1")
    assert (await browser.post(APPROVE)).status_code == 403
    assert (await browser.post(APPROVE, token=owner.secret)).status_code == 403, "of the session's token"
    assert "In force" in (await browser.post(APPROVE, token=again.secret)).text


@pytest.mark.ring("merge")
async def test_where_a_passkey_is_asked_of_everybody_the_token_is_none(world: DeskWorld) -> None:
    await _waiting_order(world)
    orders = replace(world.context.settings.orders, approval="passkey")
    world.state.context = replace(world.context, settings=replace(world.context.settings, orders=orders))
    owner = await _owner(world)
    await keeping.revoke(world.context, keeping.reference((await _one(world)).passkey), reason="lost")
    browser = world.browser()
    await browser.post("/desk/sign-in", token=owner.secret)
    page = await browser.get("/desk/orders/1")
    assert "To stand behind an order takes a passkey" in page.text and f'action="{APPROVE}"' not in page.text
    refused = await browser.post(APPROVE, token=owner.secret)
    assert refused.status_code == 403 and await _state(world) is OrderState.PENDING
    new = device()
    assert "Done" in (await enrol(browser, new, token=owner.secret)).text
    answer = new.get(await options(browser, "/desk/orders/1"))
    assert "In force" in (await browser.post(APPROVE, answer=answer)).text


async def test_a_passkey_adds_and_ends_another_and_the_page_says_how(world: DeskWorld) -> None:
    owner = await _owner(world)
    browser, first = owner.browser, keeping.reference((await _one(world)).passkey)
    answer = owner.device.get(await options(browser, "/desk/passkeys"))
    assert "Done" in (await enrol(browser, device(), "security key", answer=answer)).text
    entry = (await audit.tail(world.context))[-1].entry
    assert entry.action == "passkey.add" and entry.after is not None and entry.after["with"] == first
    second = keeping.reference((await keeping.list_passkeys(world.context))[-1].passkey)
    ask = f"/desk/passkeys/revoke?passkey={second}"
    other = owner.device.get(await options(browser, f"/desk/passkeys/revoke?passkey={first}"))
    refused = await browser.post("/desk/passkeys/revoke", passkey=second, answer=other)
    assert refused.status_code == 403 and UNSIGNED in refused.text, "it was signed for the first"
    answer = owner.device.get(await options(browser, ask))
    spare = world.browser()
    await spare.post("/desk/sign-in", token=owner.secret)
    assert (
        "works no longer" in (await browser.post("/desk/passkeys/revoke", passkey=second, answer=answer)).text
    )
    entry = (await audit.tail(world.context))[-1].entry
    assert (entry.action, entry.after) == ("passkey.revoke", {"with": first})
    page = (await spare.get("/desk/passkeys")).text
    assert page.count("Added 20") == 2 and page.count("Ended 20") == 1
    assert ", with the token" in page and page.count(f", with {first}") == 2
    listed = [keeping.plain_passkey(each) for each in await keeping.list_passkeys(world.context)]
    assert [(each["made_with"], each["revoked_with"]) for each in listed] == [("token", None), (first, first)]


async def test_wrong_tokens_wait_as_at_the_sign_in(world: DeskWorld) -> None:
    owner = await _owner(world)
    await owner.browser.get("/desk/passkeys")
    for _ in range(FREE):
        assert STRANGE in (await owner.browser.post("/desk/passkeys/new", token="x")).text  # noqa: S106 - wrong on purpose
    refused = await owner.browser.post("/desk/passkeys/new", token=owner.secret)
    assert refused.status_code == 429 and "Too many wrong tokens" in refused.text
    assert (await world.browser().post("/desk/sign-in", token=owner.secret)).status_code == 429
    assert world.state.refused["desk"] == FREE + 2
    world.installation.now += FIRST_WAIT + 1
    assert (await owner.browser.post("/desk/passkeys/new", token=owner.secret)).status_code == 200


async def test_sessions_end_with_the_passkey_that_began_them_or_acted_in_them(world: DeskWorld) -> None:
    owner = await _owner(world)
    begun, apart, signing = world.browser(), world.browser(), world.browser()
    for browser in (begun, signing):
        answer = owner.device.get(await options(browser))
        assert FIND in (await browser.post("/desk/sign-in/passkey", answer=answer)).text
    assert FIND in (await apart.post("/desk/sign-in", token=owner.secret)).text
    await signing.get("/desk")
    what = keeping.reference((await _one(world)).passkey)
    answer = owner.device.get(await options(signing, f"/desk/passkeys/revoke?passkey={what}"))
    left = await signing.post("/desk/passkeys/revoke", passkey=what, answer=answer)
    assert left.url.path == "/desk/sign-in" and "works no longer" in left.text
    for browser in (begun, signing, owner.browser):  # begun by it, and the one in which it was added
        assert FIND not in (await browser.get("/desk")).text
    assert FIND in (await apart.get("/desk")).text, "one that the passkey had no part in"


@pytest.mark.parametrize("end", ["command", "copy", "restore"])
async def test_sessions_end_however_their_passkey_ends(world: DeskWorld, end: str) -> None:
    owner = await _owner(world)
    begun, kept = world.browser(), await _one(world)
    copy = replace(owner.device)
    answer = owner.device.get(await options(begun))
    assert FIND in (await begun.post("/desk/sign-in/passkey", answer=answer)).text
    if end == "command":
        await keeping.revoke(world.context, keeping.reference(kept.passkey), reason="telephone lost")
    elif end == "restore":
        await keeping.end_again(world.context, kept.passkey.number, reason="repeated")
    else:
        elsewhere = world.browser()
        answer = copy.get(await options(elsewhere))
        assert (await elsewhere.post("/desk/sign-in/passkey", answer=answer)).status_code == 403
    assert FIND not in (await begun.get("/desk")).text
    assert (await _one(world)).passkey.revoked_with == end
