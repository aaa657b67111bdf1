"""One-time links and codes: used once, by whom they are for, and refused alike in every other case."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing

import pytest

from filterd.model.portal import PortalRole, SignInMethod
from filterd.operations import authorisations, consent, erasure
from filterd.operations.consent import ContractEvent
from filterd.operations.errors import OperationError
from filterd.operations.portal import links, sessions
from filterd.operations.portal.keyed import keyed
from filterd.operations.portal.refusals import SignInRefusedError, TooManyTriesError
from filterd.operations.portal.state import CODES
from filterd.operations.portal.tries import HALF_DAY, TriedNetworks
from tests.unit.operations.portal.conftest import HOME, Portal
from tests.worlds.installation import PORTAL_URL


async def test_a_link_signs_its_holder_in_once(portal: Portal) -> None:
    issued = await links.issue(portal.context, "home")
    assert re.fullmatch(rf"{PORTAL_URL}/portal/entrar\?k=[A-Za-z0-9_-]{{43}}", issued.url)
    signed_in = await portal.consume(issued.url)
    session = signed_in.session
    assert (session.role, session.method, session.subscribers) == (
        PortalRole.HOLDER,
        SignInMethod.LINK,
        ("home",),
    )
    assert await sessions.find(portal.context, signed_in.secret) == session
    for secret in (issued.url, issued.code):
        with pytest.raises(SignInRefusedError):
            await portal.consume(secret)
    actions = [(each.action, each.actor) for each in await portal.trail()]
    assert ("subscriber.sign_in_link", "ana") in actions
    assert ("subscriber.sign_in", "portal") in actions


async def test_the_code_beside_it_can_be_spoken_and_uses_up_the_link(portal: Portal) -> None:
    issued = await links.issue(portal.context, "home")
    assert re.fullmatch(rf"[{links.LETTERS}]{{5}}-[{links.LETTERS}]{{5}}", issued.code)
    signed_in = await portal.consume(f" {issued.code.lower().replace('-', ' - ')} ")
    assert signed_in.session.method is SignInMethod.CODE
    with pytest.raises(SignInRefusedError):
        await portal.consume(issued.url)


async def test_unknown_expired_used_and_forged_are_refused_in_the_same_words(portal: Portal) -> None:
    expired, used = await links.issue(portal.context, "home"), await links.issue(portal.context, "other")
    await portal.consume(used.url)
    portal.after(links.DEFAULT_SECONDS)
    forged = f"{expired.url[:-1]}{'A' if expired.url[-1] != 'A' else 'B'}"
    tried = (expired.url, expired.code, used.url, used.code, forged, "x" * 43, "", "é" * 5_000, "AAAAA-AAAAA")
    said = set()
    for each in tried:
        with pytest.raises(SignInRefusedError) as refused:
            await portal.consume(each)
        said.add((str(refused.value), refused.value.remedy))
    assert len(said) == 1
    assert portal.state.refused.waiting == len(tried) - 1, "the first was told at once"


async def test_two_at_one_moment_are_one_sign_in(portal: Portal) -> None:
    issued = await links.issue(portal.context, "home")
    found = await asyncio.gather(*(portal.consume(issued.url) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, sessions.SignedIn) for each in found) == 1
    assert sum(isinstance(each, SignInRefusedError) for each in found) == 7


async def test_nothing_that_opens_the_portal_is_stored(portal: Portal) -> None:
    issued, other = await links.issue(portal.context, "home"), await links.issue(portal.context, "other")
    signed_in = await portal.consume(other.url)
    letters = issued.code.replace("-", "")
    with closing(sqlite3.connect(portal.installation.database)) as store:
        stored = "\n".join(store.iterdump())
    for secret in (issued.url.partition("=")[2], letters, issued.code, signed_in.secret):
        assert secret not in stored
    assert keyed(portal.state.key, "code", letters) in stored, "else this shows nothing"
    assert HOME not in stored


async def test_wrong_codes_are_limited_of_one_client_and_of_all(portal: Portal) -> None:
    issued = await links.issue(portal.context, "home", seconds=links.MOST_SECONDS)
    own, _, every = CODES
    for _ in range(own.at_once):
        with pytest.raises(SignInRefusedError):
            await portal.consume("AAAAA-AAAAA")
    with pytest.raises(TooManyTriesError) as limited:
        await portal.consume(issued.code)
    assert 0 < limited.value.wait <= 1 / own.each_second
    assert (await portal.consume(issued.code, "203.0.113.8")).session.subscribers == ("home",)
    taken = own.at_once
    for number in range(every.at_once - taken):
        with pytest.raises(SignInRefusedError):
            await portal.consume("AAAAA-AAAAA", f"192.0.{number}.2")
    with pytest.raises(TooManyTriesError):
        await portal.consume("AAAAA-AAAAA", "192.0.0.3")
    link = await links.issue(portal.context, "home")
    assert await portal.consume(link.url), "whoever has a link is not kept out by those who guess codes"
    portal.after(1 / own.each_second)
    with pytest.raises(SignInRefusedError):
        await portal.consume("AAAAA-AAAAA")
    entries = [each for each in await portal.trail() if each.action == "portal.sign_in_refused"]
    assert len(entries) == 1, "the audit trail is not filled by who guesses"


async def test_a_line_has_so_many_open_links_and_the_oldest_is_withdrawn(portal: Portal) -> None:
    made = [await links.issue(portal.context, "home") for _ in range(links.MOST_OPEN + 1)]
    with pytest.raises(SignInRefusedError):
        await portal.consume(made[0].url)
    for each in made[1:]:
        assert await portal.consume(each.url)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"seconds": 86_401}, "cannot be valid"),
        ({"seconds": 0}, "cannot be valid"),
        ({"also": ("other",)}, "name of the organisation"),
        ({"also": ("nobody",), "organisation": "Biblioteca"}, "unknown subscriber"),
        ({"also": ("other",) * 200, "organisation": "Biblioteca"}, "more than one link"),
        ({"person": "A-1"}, "no authorisation"),
        ({"person": "A-1", "organisation": "Biblioteca"}, "of a single line"),
        ({"organisation": "a\nb"}, "cannot be printed"),
    ],
)
async def test_a_link_that_makes_no_sense_is_refused(
    portal: Portal, more: dict[str, object], said: str
) -> None:
    with pytest.raises(OperationError, match=said):
        await links.issue(portal.context, "home", **more)  # type: ignore[arg-type]  # those of issue()


async def test_an_organisation_has_its_lines_in_one_session(portal: Portal) -> None:
    more = {"also": ("other", "home"), "organisation": "Biblioteca Sur"}
    session = (await portal.signed_in("home", **more)).session
    assert (session.role, session.subscribers) == (PortalRole.ORGANISATION, ("home", "other"))
    assert session.organisation == "Biblioteca Sur"
    trail = [each for each in await portal.trail() if each.action == "subscriber.sign_in"]
    assert len({each.subject for each in trail}) == 2
    assert "Biblioteca" not in str(await portal.trail())


async def test_an_authorised_person_signs_in_while_the_authorisation_holds(portal: Portal) -> None:
    person = (await authorisations.add(portal.context, "home", "Rosa", reference="T-1")).authorisation
    name = person.reference_text
    first, second = [await links.issue(portal.context, "home", person=name) for _ in range(2)]
    signed_in = await portal.consume(first.url)
    assert signed_in.session.authorisation == person.number
    await authorisations.revoke(portal.context, "home", name, reason="asked")
    assert await sessions.find(portal.context, signed_in.secret) is None
    with pytest.raises(SignInRefusedError):
        await portal.consume(second.url)


@pytest.mark.parametrize("event", [each for each in ContractEvent if each.ends_consent])
async def test_the_end_of_the_contract_withdraws_links_and_ends_sessions(
    portal: Portal, event: ContractEvent
) -> None:
    issued, signed_in = await links.issue(portal.context, "home"), await portal.signed_in()
    both = await portal.signed_in("home", also=("other",), organisation="Escuela")
    await consent.end(portal.context, "home", event, reference="C-1")
    assert await sessions.find(portal.context, signed_in.secret) is None
    left = await sessions.find(portal.context, both.secret)
    assert left is not None and left.subscribers == ("other",), "the other line is the organisation's still"
    with pytest.raises(SignInRefusedError):
        await portal.consume(issued.url)


async def test_an_erasure_takes_links_and_sessions_with_it(portal: Portal) -> None:
    await links.issue(portal.context, "home")
    signed_in = await portal.signed_in()
    await erasure.erase(portal.context, "home", reason="asked")
    assert await sessions.find(portal.context, signed_in.secret) is None
    with closing(sqlite3.connect(portal.installation.database)) as store:
        for table in ("sign_in_link", "sign_in_link_line", "portal_session", "portal_session_line"):
            assert store.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608 - names of this test


@pytest.mark.parametrize("jump", [3_600, 30 * 86_400])
async def test_a_link_of_a_clock_that_was_ahead_opens_nothing(portal: Portal, jump: int) -> None:
    portal.after(jump)
    ahead = await links.issue(portal.context, "home")
    portal.after(-jump)
    for secret in (ahead.url, ahead.code):
        with pytest.raises(SignInRefusedError):
            await portal.consume(secret)
    assert await portal.signed_in(), "one that is made now does"


async def test_a_clock_that_is_set_back_by_a_moment_does_no_harm(portal: Portal) -> None:
    issued = await links.issue(portal.context, "home", seconds=links.MOST_SECONDS)
    portal.after(-30)
    assert await portal.consume(issued.url)


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("2001:db8:7:{:x}::1", "2001:db8:8::1"),
        ("192.0.2.{}", "192.0.3.1"),
        ("::ffff:192.0.2.{}", "192.0.3.1"),
    ],
)
async def test_one_network_keeps_nobody_else_out(portal: Portal, address: str, other: str) -> None:
    issued = await links.issue(portal.context, "home")
    _, network, every = CODES
    refused = 0
    for number in range(every.at_once):
        try:
            await portal.consume("AAAAA-AAAAA", address.format(number))
        except TooManyTriesError:
            refused += 1
        except SignInRefusedError:
            continue
    assert refused == every.at_once - network.at_once
    with pytest.raises(TooManyTriesError):
        await portal.consume(issued.code, address.format(200))
    assert await portal.consume(issued.code, other)


async def test_wrong_codes_of_many_networks_keep_no_holder_out_who_has_not_tried(portal: Portal) -> None:
    """What anybody gains beyond the limit of all is one try of each network in half a day."""
    issued = await links.issue(portal.context, "home", seconds=links.MOST_SECONDS)
    every = CODES[2]
    guessing = [f"2001:db8:{number:x}::1" for number in range(3 * every.at_once)]
    for address in guessing:
        with pytest.raises(SignInRefusedError):
            await portal.consume("AAAAA-AAAAA", address)
    for address in guessing:
        with pytest.raises(TooManyTriesError):
            await portal.consume("AAAAA-AAAAA", address)
    assert await portal.consume(issued.code, "198.51.100.7")


def test_a_network_is_one_that_has_tried_for_half_a_day_at_least() -> None:
    tried = TriedNetworks(b"secret")
    tried.add("192.0.2.0/24", 100.0)
    assert tried.has("192.0.2.0/24", 99.0), "the clock was set back by a moment"
    tried = TriedNetworks(b"secret")
    tried.add("192.0.2.0/24", 100.0)
    for later in (HALF_DAY, 1.5 * HALF_DAY):
        assert tried.has("192.0.2.0/24", 100 + later)
        assert not tried.has("192.0.3.0/24", 100 + later)
    assert not tried.has("192.0.2.0/24", 100 + 3 * HALF_DAY)
    tried.add("192.0.2.0/24", 100.0)
    tried.forget("192.0.2.0/24")
    assert not tried.has("192.0.2.0/24", 100.0)
