"""Sessions of the portal: how long they last, what ends them, and that nobody can fix or forge one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from filterd.operations import authorisations, subscribers
from filterd.operations.errors import NotAllowedError, UnknownLineError
from filterd.operations.portal import links, sessions
from filterd.operations.portal.acting import acting, evidence, require_line
from tests.unit.operations.portal.conftest import Portal


async def test_a_session_ends_without_use_and_after_its_longest_time(portal: Portal) -> None:
    idle, used = await portal.signed_in(), await portal.signed_in()
    portal.after(sessions.IDLE - 60)
    assert await sessions.find(portal.context, used.secret) is not None
    portal.after(60)
    assert await sessions.find(portal.context, idle.secret) is None
    for _ in range(sessions.LONGEST // 1_200):
        if (found := await sessions.find(portal.context, used.secret)) is not None:
            assert found.used_at == portal.installation.now, "noted after a minute"
        portal.after(1_200)
    assert await sessions.find(portal.context, used.secret) is None


async def test_a_use_is_noted_to_the_minute_and_nowhere_else(portal: Portal) -> None:
    signed_in = await portal.signed_in()
    head = await portal.context.store.head()
    for _ in range(10):
        portal.after(30)
        assert await sessions.find(portal.context, signed_in.secret) is not None
    assert await portal.context.store.head() == head, "neither in the change log nor in the audit trail"


async def test_a_sign_in_makes_a_new_secret_and_ends_the_session_of_before(portal: Portal) -> None:
    first = await portal.signed_in()
    other = await portal.signed_in("other")
    link = await links.issue(portal.context, "home")
    second = await portal.consume(link.url, previous=first.secret)
    assert second.secret != first.secret
    assert await sessions.find(portal.context, first.secret) is None
    planted = await links.issue(portal.context, "home")
    chosen = "chosen-by-somebody-else"
    fixed = await portal.consume(planted.url, previous=chosen)
    assert fixed.secret != chosen
    assert await sessions.find(portal.context, chosen) is None
    assert await sessions.find(portal.context, other.secret) is not None


@pytest.mark.parametrize("secret", ["", "x", "A" * 43, "' OR 1=1 --", "é" * 10_000, "\0"])
async def test_a_forged_cookie_is_no_session(portal: Portal, secret: str) -> None:
    await portal.signed_in()
    assert await sessions.find(portal.context, secret) is None
    await sessions.sign_out(portal.context, secret)


async def test_a_line_has_so_many_sessions_and_the_oldest_ends(portal: Portal) -> None:
    made = [await portal.signed_in() for _ in range(sessions.MOST_SESSIONS + 1)]
    assert await sessions.find(portal.context, made[0].secret) is None
    for each in made[1:]:
        assert await sessions.find(portal.context, each.secret) is not None


async def test_signing_out_ends_one_session_or_all(portal: Portal) -> None:
    one, two, other = await portal.signed_in(), await portal.signed_in(), await portal.signed_in("other")
    await sessions.sign_out(portal.context, one.secret)
    assert await sessions.find(portal.context, one.secret) is None
    assert await sessions.find(portal.context, two.secret) is not None
    three = await portal.signed_in()
    assert await sessions.sign_out_everywhere(portal.context, two.session) == 2
    for each in (two, three):
        assert await sessions.find(portal.context, each.secret) is None
    assert await sessions.find(portal.context, other.secret) is not None


async def test_an_authorised_person_signs_nobody_else_out(portal: Portal) -> None:
    person = (await authorisations.add(portal.context, "home", "Rosa", reference="T-1")).authorisation
    holder = await portal.signed_in()
    theirs = await portal.signed_in("home", person=person.reference_text)
    assert await sessions.sign_out_everywhere(portal.context, theirs.session) == 1
    assert await sessions.find(portal.context, holder.secret) is not None


async def test_a_form_needs_the_token_of_its_session(portal: Portal) -> None:
    one, two = await portal.signed_in(), await portal.signed_in()
    sessions.require_csrf(one.secret, sessions.csrf_token(one.secret))
    for given in ("", sessions.csrf_token(two.secret), one.secret, "é"):
        with pytest.raises(NotAllowedError):
            sessions.require_csrf(one.secret, given)
    with pytest.raises(NotAllowedError):
        sessions.require_csrf("", sessions.csrf_token(""))


async def test_a_session_acts_on_its_own_line_alone(portal: Portal) -> None:
    session = (await portal.signed_in()).session
    context = acting(portal.context, session)
    text = evidence(context, session, "home", "2026-11")
    changed = await subscribers.opt_in(context, "home", "child", text)
    assert changed.choices.opted_in
    entry = [each for each in await portal.trail() if each.action == "subscriber.opt_in"][-1]
    assert entry.actor == f"portal:{session.reference}"
    assert entry.after is not None and entry.after["way"] == "portal"
    with pytest.raises(UnknownLineError) as foreign:
        await subscribers.opt_in(context, "other", "child", text)
    with pytest.raises(UnknownLineError) as absent:
        require_line(session, "nobody")
    assert str(foreign.value) == str(absent.value)
    assert not (await subscribers.show(portal.context, "other")).choices.opted_in


async def test_each_request_of_one_session_is_evidence_of_its_own(portal: Portal) -> None:
    session = (await portal.signed_in()).session
    context = acting(portal.context, session)
    seen = set()
    for _ in range(2):  # out and in again: the words of before do not bring consent back
        text = evidence(context, session, "home", "2026-11")
        seen.add(text.reference)
        await subscribers.opt_in(context, "home", "child", text)
        portal.after(90)
        await subscribers.opt_out(context, "home", evidence=evidence(context, session, "home", "2026-11"))
    assert len(seen) == 2
    assert all(each.startswith(f"{session.reference}-") for each in seen)


async def test_an_authorised_person_opts_in_without_typing_a_credential(portal: Portal) -> None:
    person = (await authorisations.add(portal.context, "home", "Rosa", reference="T-1")).authorisation
    session = (await portal.signed_in("home", person=person.reference_text)).session
    context = acting(portal.context, session)
    text = evidence(context, session, "home", "2026-11")
    await subscribers.opt_in(context, "home", "child", text)
    await authorisations.revoke(portal.context, "home", person.reference_text, reason="asked")
    with pytest.raises(NotAllowedError):
        await subscribers.opt_in(context, "home", "teen", evidence(context, session, "home", "2026-11"))


@pytest.mark.parametrize("jump", [3_600, 30 * 86_400])
async def test_a_session_of_a_clock_that_was_ahead_has_ended(portal: Portal, jump: int) -> None:
    before = await portal.signed_in()
    portal.after(jump)
    ahead = await portal.signed_in()
    portal.after(-jump)
    assert await sessions.find(portal.context, ahead.secret) is None
    assert await sessions.find(portal.context, before.secret) is not None
    portal.after(-30)
    assert await sessions.find(portal.context, before.secret) is not None, "a small step ends none"


@pytest.mark.parametrize("gathered", [False, True])
async def test_a_page_does_not_wait_for_the_note_of_a_use(portal: Portal, gathered: bool) -> None:
    signed_in = await portal.signed_in()
    if gathered:
        portal.context.store.gather_writes()
    store = portal.context.store
    store.waits = replace(store.waits, note=0.05)
    portal.after(sessions.USE_NOTED)
    with closing(sqlite3.connect(portal.installation.database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        found = await sessions.find(portal.context, signed_in.secret)  # else it waits until it gives up
        writer.execute("ROLLBACK")
    assert found == signed_in.session, "it holds, and its use is not noted"
    async with store.report(shared=True):
        pass  # behind it no write waits for the lock any more
    again = await sessions.find(portal.context, signed_in.secret)
    assert again is not None and again.used_at == portal.installation.now, "the next page notes it"
