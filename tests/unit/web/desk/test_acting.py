"""The acts of the desk: a text that is read aloud, evidence, and what is done to the line."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from filterd.model.line import LineChoices
from filterd.model.token import Permission, TokenRole
from filterd.operations import audit, authorisations, consent_history, subscribers, suspension, view_codes
from filterd.operations.consent import TextState
from filterd.operations.feeds import updating
from filterd.operations.notices import keeping
from filterd.store.notices import NoticeFilter
from filterd.web.desk.acts import ACTS
from tests.meta.test_known_failures import ROOT
from tests.unit.web.desk.conftest import Browser, DeskWorld
from tests.worlds.installation import NOW, PORTAL_URL

EVIDENCE = {"role": "holder", "who": "R. Luna", "channel": "telephone", "reference": "call 4711"}
_DIGEST = re.compile(r'name="digest" value="([0-9a-f]{64})"')


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """With texts to be read aloud, and two lines."""
    for name in ("consent/2026-11.yaml", "desk/2026-11.yaml"):
        world.installation.write_policy(name, (ROOT / "policies" / name).read_text())
    for each in ("home", "eth 0/1/3:100"):
        await subscribers.add(world.context, each)
    yield world


async def _act(browser: Browser, name: str, line: str = "home", **fields: str) -> str:
    """Open the page of an act, and do it."""
    page = (await browser.get(f"/desk/acts/{name}?line={line}")).text
    found = _DIGEST.search(page)
    sent = {"line": line, "digest": found[1] if found else "", **EVIDENCE, **fields}
    reply = await browser.post(f"/desk/acts/{name}", **sent)
    return reply.text


async def _choices(world: DeskWorld, line: str = "home") -> LineChoices:
    return (await subscribers.show(world.context, line)).choices


@pytest.mark.ring("night")
async def test_opt_in_pause_resume_and_out_leave_their_evidence(world: DeskWorld) -> None:
    browser = await world.agent()
    page = (await browser.get("/desk/acts/opt-in?line=home")).text
    assert "It is off for as long as nobody of your contract asks for it." in page
    assert "It is on now for your whole house." in await _act(browser, "opt-in", profile="child")
    assert "comes back by itself" in await _act(browser, "pause", **{"for": "3600"})
    assert (await _choices(world)).paused_until == NOW + 3600
    assert "The pause is over" in await _act(browser, "resume")
    assert "The age is changed now." in await _act(browser, "profile", profile="teen")
    assert (await _choices(world)).profile == "teen"
    page = await _act(browser, "opt-out")
    assert "It is taken off now." in page and "R. Luna (holder)" in page
    record = await consent_history.record(world.context, "home")
    kinds = [each.kind for each in record.requests]
    assert kinds == ["opt_in", "pause", "resume", "set_profile", "opt_out"]
    assert {each.text_state for each in record.requests} == {TextState.AS_SHOWN}
    assert [each.evidence.text_version for each in record.requests][1] == "desk-2026-11/pause"
    assert {each.evidence.recorded_by for each in record.requests} == {"daemon"}


async def test_nobody_is_kept_from_leaving_for_want_of_evidence(world: DeskWorld) -> None:
    browser = await world.agent()
    await _act(browser, "opt-in", profile="child")
    assert "It is taken off now." in await _act(browser, "opt-out", who="", reference="", digest="")
    assert not (await _choices(world)).opted_in


@pytest.mark.parametrize(
    "fields",
    [
        {"who": ""},
        {"reference": ""},
        {"digest": "0" * 64},
        {"channel": "pigeon"},
        {"for": "1"},
        {"for": "99999999"},
        {"role": "authorised", "credential": "1-AAAA-AAAA-AAAA-AAAA"},
        {"role": "authorised"},
    ],
)
async def test_incomplete_requests_change_nothing(world: DeskWorld, fields: dict[str, str]) -> None:
    browser = await world.agent()
    await _act(browser, "opt-in", profile="child")
    assert "It could not be done" in await _act(browser, "pause", **({"for": "3600"} | fields))
    assert (await _choices(world)).paused_until == 0


async def test_an_authorised_person_shows_a_credential(world: DeskWorld) -> None:
    browser = await world.agent()
    await _act(browser, "opt-in", profile="child")
    made = await authorisations.add(world.context, "home", "an aunt", reference="call 1")
    proof = {"role": "authorised", "who": "an aunt", "credential": made.credential}
    assert "It is paused now" in await _act(browser, "pause", **({"for": "1800"} | proof))
    assert made.credential not in (await browser.get("/desk/lines/home")).text


async def test_ids_with_slashes_and_spaces_have_their_page(world: DeskWorld) -> None:
    browser = await world.agent()
    page = await _act(browser, "opt-in", line="eth 0/1/3:100", profile="child")
    assert "The filter is on for this line." in page
    assert (await _choices(world, "eth 0/1/3:100")).opted_in


async def test_own_names_are_seen_by_the_holders_code_alone_and_on_record(world: DeskWorld) -> None:
    await subscribers.deny(world.context, "home", "secret.example")
    browser = await world.agent()
    page = (await browser.get("/desk/lines/home")).text
    assert "1 site. Which one is not shown" in page and "secret.example" not in page
    issued = await view_codes.issue(world.context, "home")
    refused = await browser.post("/desk/own-names", line="home", code="AAAA-AAAA")
    assert refused.status_code == 403 and "secret.example" not in refused.text
    assert "secret.example" in (await browser.post("/desk/own-names", line="home", code=issued.code)).text
    operator = await world.agent(TokenRole.OPERATOR)
    assert "secret.example" in (await operator.post("/desk/own-names", line="home")).text
    actions = [each.entry.action for each in await audit.page(world.context, 0, 1000)]
    for action in ("subscriber.code_refused", "subscriber.own_names_seen", "subscriber.own_names_shown"):
        assert action in actions


async def test_sites_are_opened_and_closed_by_those_who_may(world: DeskWorld) -> None:
    operator = await world.agent(TokenRole.OPERATOR)
    assert "That site is closed now" in await _act(operator, "deny", site="bad.example", **{"for": "0"})
    assert "That site is open now" in await _act(operator, "allow", site="good.example", **{"for": "86400"})
    assert "It could not be done" in await _act(operator, "deny", site="help.example", **{"for": "0"})
    assert [each.name for each in (await _choices(world)).own_names] == ["bad.example", "good.example"]
    support = await world.agent()
    for name in ("allow", "deny"):
        assert (await support.get(f"/desk/acts/{name}?line=home")).status_code == 403
        assert (await support.post(f"/desk/acts/{name}", line="home", site="x.example")).status_code == 403
    assert len((await _choices(world)).own_names) == 2


async def test_another_lines_id_in_a_form_is_refused(world: DeskWorld) -> None:
    browser = await world.agent(lines="ho")
    await subscribers.add(world.context, "other")
    for line in ("other", "nobody", "", "h"):
        for name, act in ACTS.items():
            if act.permission is Permission.CHOICES_WRITE:
                assert (await browser.post(f"/desk/acts/{name}", line=line, **EVIDENCE)).status_code == 404
        assert (await browser.post("/desk/own-names", line=line, code="x")).status_code == 404
    assert not (await _choices(world, "other")).opted_in


async def test_what_others_typed_is_text(world: DeskWorld) -> None:
    browser = await world.agent()
    nasty = "<script>alert(1)</script>{{ 7*191 }}"
    page = await _act(browser, "opt-in", profile="child", who=nasty, reference='"><img src=x>')
    assert "<script" not in page and "<img" not in page and "1337" not in page
    assert "&lt;script&gt;" in page
    reply = await browser.get("/desk/lines/home?done=%3Cscript%3E")
    assert "<script" not in reply.text


async def test_forms_without_the_sessions_token_do_nothing(world: DeskWorld) -> None:
    browser = await world.agent()
    for name, act in ACTS.items():
        if act.permission is Permission.CHOICES_WRITE:
            sent = {"line": "home", "profile": "child", "csrf": "x", **EVIDENCE}
            assert (await browser.client.post(f"/desk/acts/{name}", data=sent)).status_code == 403
    assert not (await _choices(world)).opted_in


async def test_papers_are_printed_with_the_text_of_today(world: DeskWorld) -> None:
    browser = await world.agent(language="es")
    page = (await browser.get("/desk/papers/counter-form")).text
    assert "Texto 2026-11, huella" in page and "Firma de quien lo pide" in page
    assert "Hay una nota" not in page and "Filtro familiar de tu Internet de casa." in page
    assert "DNS privado" in (await browser.get("/desk/papers/leaflet")).text
    assert "/desk/papers/leaflet" in (await browser.get("/desk/papers")).text


async def test_a_code_for_the_portal_is_shown_once_and_needs_a_portal(world: DeskWorld) -> None:
    browser = await world.agent()
    page = await _act(browser, "link")
    code = re.search(r'<p class="code">([^<]+)</p>', page)
    assert code is not None and f"{PORTAL_URL}/portal/entrar?k=" in page
    assert code[1] not in (await browser.get("/desk/lines/home")).text
    made = await authorisations.add(world.context, "home", "an aunt", reference="call 1")
    page = await _act(browser, "link", role="authorised", who="an aunt", credential=made.credential)
    assert '<p class="code">' in page
    on_call = await world.agent(TokenRole.ON_CALL)
    assert (await on_call.post("/desk/acts/link", line="home")).status_code == 403


async def test_the_holder_is_told_of_each_code_for_the_portal(world: DeskWorld) -> None:
    for role in (TokenRole.SUPPORT, TokenRole.OPERATOR):
        browser = await world.agent(role)
        assert "The holder gets a notice that this code was given out" in await _act(browser, "link")
    told = await keeping.list_notices(world.context, NoticeFilter(subscriber="home"), limit=10)
    assert [each.notice.kind for each in told].count("sign_in_link") == 2


async def test_a_pin_is_taken_off_at_the_holders_request(world: DeskWorld) -> None:
    browser = await world.agent()
    assert "There is no PIN now." in await _act(browser, "pin")
    assert "It could not be done" in await _act(browser, "pin", reference="")


async def test_a_filter_that_is_stopped_for_all_is_said_to_be(world: DeskWorld) -> None:
    browser = await world.agent()
    await _act(browser, "opt-in", profile="child")
    await suspension.suspend(world.context, 3_600, reason="a list closed too much")
    assert "suspended for every line until" in (await browser.get("/desk/lines/home")).text
    assert "suspended for every line" not in (await browser.get("/desk/lines/eth%200%2F1%2F3:100")).text


async def test_a_profile_whose_list_was_never_read_is_said_and_recorded(world: DeskWorld) -> None:
    (world.installation.base / "policies/lists/adult.txt").unlink()
    await updating.update(world.context)
    browser = await world.agent()
    page = (await browser.get("/desk/acts/opt-in?line=home")).text
    assert "no list of Adult was ever read" in page
    await _act(browser, "opt-in", profile="child")
    await _act(browser, "profile", profile="teen")
    assert (await _choices(world)).profile == "teen"
    told = [each.entry.after or {} for each in await audit.tail(world.context, 10)]
    assert [each["accepted_empty"] for each in told if "accepted_empty" in each] == [["adult"], ["adult"]]
