"""The PIN of a line: what can be chosen, who may change it, and that guessing it leads nowhere."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing

import pytest

from filterd.disk.keys import PORTAL_KEY
from filterd.model.portal import PinFault, SignInMethod
from filterd.operations import authorisations, consent, subscribers
from filterd.operations.consent import ContractEvent
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.portal import pins, sessions
from filterd.operations.portal.acting import acting, evidence
from filterd.operations.portal.pin_work import ELSEWHERE, MOST_WAITING, TURNS
from filterd.operations.portal.refusals import PinRefusedError, TooManyTriesError
from filterd.operations.portal.sessions import SignedIn
from filterd.operations.portal.state import PINS_SET, PortalState
from filterd.store.store import Write
from tests.unit.operations.portal.conftest import HOME, Portal

PIN, OTHER = "482913", "604758"
ON_LINE, ON_OTHER = "10.0.0.1", "10.0.0.2"
_SIGNING_IN = ("subscriber.sign_in", "subscriber.pin_refused")


async def opted_in(portal: Portal, subscriber: str = "home", pin: str = PIN) -> SignedIn:
    """The session of a holder who has opted in and chosen a PIN."""
    signed_in = await portal.signed_in(subscriber)
    context = acting(portal.context, signed_in.session)
    text = evidence(context, signed_in.session, subscriber, "2026-11")
    await subscribers.opt_in(context, subscriber, "child", text)
    await pins.choose(portal.state, context, signed_in.session, subscriber, pin)
    return signed_in


async def by_pin(portal: Portal, pin: str = PIN, address: str = ON_LINE) -> SignedIn:
    """Sign in by PIN from an address."""
    return await pins.sign_in(portal.state, portal.context, address, 0, pin)


async def wrong(portal: Portal, times: int, address: str = ON_LINE) -> list[tuple[str, str, float]]:
    """Try a wrong PIN so often; what was said."""
    said = []
    for _ in range(times):
        with pytest.raises(PinRefusedError) as refused:
            await by_pin(portal, "000001", address)
        said.append((str(refused.value), refused.value.remedy, refused.value.wait))
    return said


@pytest.mark.parametrize(
    ("pin", "fault"),
    [
        ("", PinFault.LENGTH),
        ("48291", PinFault.LENGTH),
        ("4829134829135", PinFault.LENGTH),
        ("48a913", PinFault.DIGITS),
        ("٤٨٢٩١٣", PinFault.DIGITS),
        ("111111", PinFault.REPEATED),
        ("121212", PinFault.REPEATED),
        ("123123", PinFault.REPEATED),
        ("123456", PinFault.SEQUENCE),
        ("876543", PinFault.SEQUENCE),
        ("890123", PinFault.SEQUENCE),
        ("159753", PinFault.COMMON),
        ("201420", PinFault.DATE),
        ("140314", PinFault.DATE),
        ("14032014", PinFault.DATE),
        ("20140314", PinFault.DATE),
    ],
)
def test_digits_that_a_child_would_guess_are_refused(pin: str, fault: PinFault) -> None:
    with pytest.raises(pins.PinFaultError) as refused:
        pins.checked(pin)
    assert refused.value.fault is fault


@pytest.mark.parametrize("pin", [PIN, OTHER, "4829-1360", "482 913 607 548"])
def test_others_can_be_chosen(pin: str) -> None:
    assert pins.checked(pin).isdigit()


async def test_whoever_has_the_pin_signs_in_on_the_line_for_ten_minutes(portal: Portal) -> None:
    await opted_in(portal)
    signed_in = await by_pin(portal, "482 913")
    assert signed_in.session.method is SignInMethod.PIN
    context = acting(portal.context, signed_in.session)
    assert (await subscribers.pause(context, "home", 600)).choices.paused_until
    portal.after(sessions.PIN_SECONDS)
    assert await sessions.find(portal.context, signed_in.secret) is None


@pytest.mark.ring("merge")
async def test_nothing_tells_whether_there_is_a_pin_or_a_line(portal: Portal) -> None:
    await opted_in(portal)
    said = [await wrong(portal, 8, address) for address in (ON_LINE, ON_OTHER, HOME)]
    assert said[0] == said[1] == said[2]
    assert said[0][3][2] == 0
    assert said[0][4][2] == pins.FIRST_WAIT


async def test_wrong_ones_close_the_pin_for_longer_and_longer(portal: Portal) -> None:
    await opted_in(portal)
    assert [round(pins.wait_after(each)) for each in (4, 5, 6, 10, 11, 99)] == [0, 60, 120, 1920, 3600, 3600]
    await wrong(portal, pins.FREE_TRIES)
    with pytest.raises(PinRefusedError) as early:
        await by_pin(portal)
    assert early.value.wait == pins.FIRST_WAIT, "the right one too is not looked at"
    portal.after(pins.FIRST_WAIT)
    assert await by_pin(portal), "then it is, and all is forgotten"
    assert (await wrong(portal, 1))[0][2] == 0


async def test_tries_at_one_moment_are_counted_before_they_are_looked_at(portal: Portal) -> None:
    await opted_in(portal)
    tries = [by_pin(portal, f"{number:06}") for number in range(10)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(each, PinRefusedError) for each in found)
    with closing(sqlite3.connect(portal.installation.database)) as store:
        assert store.execute("SELECT failures FROM pin_tries").fetchall() == [(pins.FREE_TRIES,)]


async def test_the_work_of_pins_is_bounded(portal: Portal) -> None:
    await opted_in(portal)
    work = portal.state.pins
    async with AsyncExitStack() as at_work:
        for _ in range(TURNS):
            await at_work.enter_async_context(work.turn())
        more = MOST_WAITING + 10
        tries = [asyncio.create_task(by_pin(portal, "000001", HOME)) for _ in range(more)]
        done, waiting = set[asyncio.Task[SignedIn]](), set(tries)
        while len(waiting) > MOST_WAITING:
            now_done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= now_done
        assert all(isinstance(each.exception(), TooManyTriesError) for each in done)
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, TooManyTriesError) for each in found) >= 10
    assert not any(isinstance(each, SignedIn) for each in found)


@pytest.mark.ring("merge")
async def test_the_holder_is_told_of_wrong_ones_and_of_each_change(portal: Portal) -> None:
    await opted_in(portal)
    await wrong(portal, pins.FREE_TRIES)
    await wrong(portal, pins.FREE_TRIES, ON_OTHER)  # which has none
    with closing(sqlite3.connect(portal.installation.database)) as store:
        kinds = [kind for (kind,) in store.execute("SELECT kind FROM notice ORDER BY number")]
    assert kinds == ["opt_in", "pin_set", "pin_tries"]
    refused = [each for each in await portal.trail() if each.action == "subscriber.pin_refused"]
    assert len(refused) == 2 * pins.FREE_TRIES


@pytest.mark.ring("merge")
async def test_a_pin_is_changed_by_the_holder_or_with_the_old_one(portal: Portal) -> None:
    holder = await opted_in(portal)
    child = await by_pin(portal)
    context = acting(portal.context, child.session)
    with pytest.raises(PinRefusedError):
        await pins.choose(portal.state, context, child.session, "home", OTHER)
    with pytest.raises(PinRefusedError):
        await pins.choose(portal.state, context, child.session, "home", OTHER, old="000001")
    await pins.choose(portal.state, context, child.session, "home", OTHER, old=PIN)
    with pytest.raises(PinRefusedError):
        await by_pin(portal, PIN)
    theirs = acting(portal.context, holder.session)
    await pins.choose(portal.state, theirs, holder.session, "home", PIN)
    assert await sessions.find(portal.context, child.secret) is None, "it was of the PIN before"
    assert await by_pin(portal, PIN)


async def test_an_authorised_person_gives_the_old_one(portal: Portal) -> None:
    await opted_in(portal)
    person = (await authorisations.add(portal.context, "home", "Rosa", reference="T-1")).authorisation
    session = (await portal.signed_in("home", person=person.reference_text)).session
    with pytest.raises(PinRefusedError):
        await pins.choose(portal.state, acting(portal.context, session), session, "home", OTHER)


async def test_no_line_has_a_pin_that_has_not_opted_in(portal: Portal) -> None:
    signed_in = await portal.signed_in("other")
    context = acting(portal.context, signed_in.session)
    with pytest.raises(ConflictError):
        await pins.choose(portal.state, context, signed_in.session, "other", PIN)
    await opted_in(portal)
    child = await by_pin(portal)
    await subscribers.opt_out(acting(portal.context, child.session), "home")
    assert not await pins.has_pin(portal.context, "home")
    assert await sessions.find(portal.context, child.secret) is None
    with pytest.raises(PinRefusedError):
        await by_pin(portal)


async def test_the_end_of_the_contract_ends_the_pin(portal: Portal) -> None:
    await opted_in(portal)
    await consent.end(portal.context, "home", ContractEvent.TRANSFERRED, reference="C-1")
    assert not await pins.has_pin(portal.context, "home")


async def test_the_provider_takes_a_pin_off_at_the_holders_request(portal: Portal) -> None:
    await opted_in(portal)
    child = await by_pin(portal)
    await wrong(portal, pins.FREE_TRIES)
    assert await pins.reset(portal.context, "home", reference="T-77", reason="forgotten")
    assert not await pins.reset(portal.context, "home", reference="T-77", reason="forgotten")
    assert await sessions.find(portal.context, child.secret) is None
    entry = next(each for each in await portal.trail() if each.action == "subscriber.pin_reset")
    assert (entry.actor, entry.reason) == ("ana", "forgotten")
    assert "T-77" not in str(entry)


async def test_the_store_alone_gives_no_pin_away(portal: Portal) -> None:
    await opted_in(portal)
    await opted_in(portal, "other", PIN)
    with closing(sqlite3.connect(portal.installation.database)) as store:
        hashes = [found for (found,) in store.execute("SELECT hash FROM line_pin")]
    assert all(each.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for each in hashes)
    assert len(set(hashes)) == 2
    from argon2 import PasswordHasher
    from argon2.exceptions import VerifyMismatchError

    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(hashes[0].partition("#")[0], PIN)


@pytest.mark.ring("merge")
async def test_a_clock_that_was_ahead_closes_no_pin_for_as_long(portal: Portal) -> None:
    await opted_in(portal)
    portal.after(30 * 86_400)
    for address in (ON_LINE, HOME):
        await wrong(portal, pins.FREE_TRIES, address)
    portal.after(-30 * 86_400)
    assert (await wrong(portal, 1, HOME))[0][2] == pins.wait_after(pins.FREE_TRIES + 1), "they count still"
    assert await by_pin(portal), "it is looked at"


async def test_the_filter_is_turned_on_with_its_first_pin_or_not_at_all(portal: Portal) -> None:
    signed_in = await portal.signed_in()
    context, session = acting(portal.context, signed_in.session), signed_in.session
    text = evidence(context, session, "home", "2026-11")
    keep = await pins.first(portal.state, context, session, "home", PIN)

    async def fails(write: Write, line: int) -> None:
        await keep(write, line)
        raise ConflictError("killed here")

    with pytest.raises(ConflictError):
        await subscribers.opt_in(context, "home", "child", text, also=fails)
    assert not (await subscribers.show(context, "home")).choices.opted_in
    assert not await pins.has_pin(context, "home")
    await subscribers.opt_in(context, "home", "child", text, also=keep)
    assert await by_pin(portal)
    entries = {each.action: each.revision for each in await portal.trail()}
    assert entries["subscriber.pin_set"] == entries["subscriber.opt_in"], "one write"


async def test_turning_it_on_again_changes_no_pin_without_the_present_one(portal: Portal) -> None:
    await opted_in(portal)
    child = await by_pin(portal)
    context = acting(portal.context, child.session)
    keep = await pins.first(portal.state, context, child.session, "home", OTHER)
    text = evidence(context, child.session, "home", "2026-11")
    with pytest.raises(PinRefusedError):
        await subscribers.opt_in(context, "home", "child", text, also=keep)
    assert await by_pin(portal, PIN)


async def test_a_lost_key_is_noticed_while_the_process_runs(portal: Portal) -> None:
    holder = await opted_in(portal)
    settings, context = portal.context.settings, acting(portal.context, holder.session)
    path = PORTAL_KEY.path(settings.state_dir)
    portal.state.follow_key(settings)
    assert await by_pin(portal) and await pins.has_pin(context, "home")
    path.unlink()
    portal.state.follow_key(settings)
    assert not await pins.has_pin(context, "home"), "it opens nothing any more: the holder is asked for one"
    with pytest.raises(PinRefusedError):
        await by_pin(portal)
    await pins.choose(portal.state, context, holder.session, "home", OTHER)
    portal.state = PortalState.make(settings)  # a start of the process
    assert await pins.has_pin(context, "home") and await by_pin(portal, OTHER)
    path.write_bytes(b"damaged")
    with pytest.raises(OperationError):
        portal.state.follow_key(settings)
    assert await pins.has_pin(context, "home"), "a damaged key may be put back"


async def test_a_pin_is_set_so_often_and_no_more(portal: Portal) -> None:
    holder = await opted_in(portal)
    context = acting(portal.context, holder.session)
    for number in range(PINS_SET.at_once - 1):
        await pins.choose(portal.state, context, holder.session, "home", (OTHER, PIN)[number % 2])
    with pytest.raises(TooManyTriesError):
        await pins.choose(portal.state, context, holder.session, "home", OTHER)
    assert await by_pin(portal, PIN)
    portal.after(1 / PINS_SET.each_second)
    await pins.choose(portal.state, context, holder.session, "home", OTHER)
    assert await by_pin(portal, OTHER)


async def test_who_has_the_pin_alone_signs_no_holder_out(portal: Portal) -> None:
    holder = await opted_in(portal)
    child, another = await by_pin(portal), await by_pin(portal)
    assert await sessions.sign_out_everywhere(portal.context, child.session) == 2
    for each in (child, another):
        assert await sessions.find(portal.context, each.secret) is None
    assert await sessions.find(portal.context, holder.secret) is not None


async def test_the_trail_says_that_the_portal_let_in_and_refused(portal: Portal) -> None:
    await opted_in(portal)
    await wrong(portal, 1)
    await by_pin(portal)
    actors = {each.actor for each in await portal.trail() if each.action in _SIGNING_IN}
    assert actors == {"portal"}


@pytest.mark.parametrize("address", [ON_OTHER, HOME])
async def test_who_goes_on_trying_takes_no_turn_and_no_write(portal: Portal, address: str) -> None:
    """A closed PIN is refused at once, however many turns are taken: a child in one house keeps no parent of
    another out."""
    await wrong(portal, 5, address)
    async with AsyncExitStack() as turns:
        for _ in range(TURNS):
            await turns.enter_async_context(portal.state.pins.turn())
        await turns.enter_async_context(portal.context.store.write("somebody", portal.context.clock()))
        async with asyncio.timeout(2):
            await wrong(portal, MOST_WAITING + 5, address)


async def test_a_network_of_many_addresses_has_few_tries(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> bool:
        return False

    await opted_in(portal)
    monkeypatch.setattr(portal.state.pins, "holds", nobody)
    for number in range(ELSEWHERE.at_once):
        await wrong(portal, 1, f"2001:db8:1:{number:x}::1")
    with pytest.raises(TooManyTriesError):
        await by_pin(portal, "000001", "2001:db8:1:ffff::1")
    await wrong(portal, 1, "2001:db8:2::1")
    monkeypatch.undo()
    assert (await by_pin(portal)).session.by_pin, "who is on a line is counted for the line alone"
