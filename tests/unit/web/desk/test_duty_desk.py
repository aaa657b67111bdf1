"""The duty desk: what is late first, requests and orders, an emergency end and its review, the hand-over."""

from __future__ import annotations

import asyncio
import pwd
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NoReturn

import pytest

from filterd.model.order import OrderState, StepKind
from filterd.model.token import TokenRole
from filterd.operations import audit
from filterd.operations.context import OperationError
from filterd.operations.duty import due, handing_over, requests
from filterd.operations.duty.requests import Search
from filterd.operations.errors import ConflictError
from filterd.operations.orders import due as order_duties
from filterd.operations.orders import showing
from filterd.policy.jurisdictions import DeadlineKind
from filterd.web.desk.orders import sent_once
from filterd.web.desk.orders.register import local_text
from filterd.web.pages.forms import SentForm
from tests.meta.test_known_failures import ROOT
from tests.unit.web.desk.conftest import PERSON, Browser, DeskWorld

DAY = 86_400
ORDER = {
    "authority": "sat",
    "official": "Administradora General",
    "document": "OF-500/2027",
    "ground": "liva-18h",
    "names": "casino.example",
    "reason": "resolución",
}


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """With the deadlines of Mexico."""
    world.installation.write_policy(
        "jurisdictions/mx.yaml", (ROOT / "policies/jurisdictions/mx.yaml").read_text()
    )
    yield world


async def officer(world: DeskWorld) -> Browser:
    """Somebody on duty, with a token of their own making."""
    return await world.agent(TokenRole.ON_CALL, maker=PERSON)


async def another(world: DeskWorld) -> Browser:
    """Another person on duty."""
    name = next(each.pw_name for each in pwd.getpwall() if each.pw_name not in ("daemon", "root"))
    return await world.agent(TokenRole.ON_CALL, name=name, maker=name)


@pytest.mark.ring("night")
async def test_a_request_becomes_an_order_that_two_officers_stand_behind(world: DeskWorld) -> None:
    first = await officer(world)
    asked = {"authority": "sat", "document": "OF-500/2027", "asked": "Bloquear un casino", "way": "mail"}
    page = (await first.post("/desk/orders/requests/new", **asked)).text
    assert "Request P-" in page and "Bloquear un casino" in page
    found = (await requests.search(world.context, Search(document="of 500 2027")))[0]
    world.installation.now += 2 * DAY
    first = await officer(world)
    page = (await first.get("/desk/orders")).text
    assert "1 overdue" in page and "23 h 59 min ago" in page and found.reference in page
    begun = await first.get(f"/desk/orders/new?request={found.number}")
    assert 'value="OF-500/2027"' in begun.text
    since = local_text(found.received_at, "America/Mexico_City")
    assert f'type="datetime-local" value="{since}"' in begun.text, "its times count from the request"
    lacking = await first.post("/desk/orders/new", **{**ORDER, "official": "", "reason": ""})
    assert lacking.status_code == 409 and lacking.text.count("This is missing.") == 2
    assert "casino.example" in lacking.text, "nothing that was typed is lost"
    page = (await first.post("/desk/orders/new", **ORDER, request=str(found.number))).text
    assert "Waits for approval" in page
    assert (await requests.show(world.context, found.reference)).outcome is not None
    taken = await showing.show(world.context, "O-1")
    assert taken.demand.received_at == int(found.received_at) < taken.added_at
    alone = await first.post("/desk/orders/1/approve")
    assert alone.status_code == 409 and "stands behind order O-1 already" in alone.text
    page = (await (await another(world)).post("/desk/orders/1/approve")).text
    assert "In force" in page


@pytest.mark.ring("night")
async def test_one_person_lifts_in_an_emergency_and_another_looks_at_it(world: DeskWorld) -> None:
    first, second = await officer(world), await another(world)
    await first.post("/desk/orders/new", **ORDER)
    await second.post("/desk/orders/1/approve")
    asked = (await first.get("/desk/orders/1/emergency")).text
    assert "Lift O\u20111 now?" in asked and "another person looks at it" in asked
    unsaid = await first.post("/desk/orders/1/emergency", reason="a hospital")
    assert unsaid.status_code == 409 and "the order still blocks" in unsaid.text, "who wants it is not said"
    assert 'value="a hospital"' in unsaid.text
    page = (await first.post("/desk/orders/1/emergency", reason="a hospital", who="provider")).text
    assert "Ended in an emergency: to be reviewed" in page
    assert "Look at an emergency end" in (await first.get("/desk/orders")).text
    refused = await first.post("/desk/orders/1/review", reason="fine")
    assert refused.status_code == 409
    page = (await second.post("/desk/orders/1/review", reason="it was a hospital")).text
    assert "it was a hospital" in page and "Withdrawn" in page


async def test_a_telephone_call_of_the_authority_lifts_and_its_deadline_counts(world: DeskWorld) -> None:
    first, second = await officer(world), await another(world)
    await first.post("/desk/orders/new", **ORDER)
    await second.post("/desk/orders/1/approve")
    world.installation.now += DAY
    called_at = int(world.context.clock()) // 60 * 60 - 120
    first = await officer(world)
    await first.get("/desk/orders/1/emergency")
    call = {
        "who": "authority",
        "authority": "sat",
        "official": "Dirección de Guardia",
        "received_at": local_text(called_at, "America/Mexico_City"),
        "reason": "it is a hospital",
    }
    for _ in range(2):  # a second press changes nothing
        page = (await first.post("/desk/orders/1/emergency", **call)).text
        assert "Ended in an emergency: to be reviewed" in page
    (noted,) = await requests.search(world.context, Search(authority="sat"))
    assert (noted.kind, noted.way, noted.received_at) == ("unblock", "telephone", called_at)
    assert noted.outcome is not None and noted.outcome.reference == "O-1"
    order = await showing.show(world.context, "O-1")
    lifted = order.last(StepKind.LIFTED)
    assert order.state is OrderState.LIFTED and lifted is not None
    assert (lifted.document, lifted.received_at) == (noted.reference, called_at)
    counted = [each for each in await order_duties.duties(world.context) if each.kind is DeadlineKind.UNBLOCK]
    assert [each.began_at for each in counted] == [called_at]


@pytest.mark.ring("night")
async def test_pages_speak_the_words_of_their_reader(world: DeskWorld) -> None:
    first = await officer(world)
    await first.post("/desk/orders/new", **ORDER)
    page = (await first.get("/desk/orders/1")).text
    assert "You stand behind it already" in page and 'action="/desk/orders/1/approve"' not in page
    assert "(subtree)" not in page and "casino.example" in page and "(liva-18h)" in page
    await (await another(world)).post("/desk/orders/1/approve")
    page = (await first.get("/desk/orders")).text
    assert "Tax Administration Service" in page and "Servicio de" not in page, "no title in another language"
    contact = {"what": "shift", "account": "ana", "begins": "2027-01-14T08:00", "ends": "2027-01-16T08:00"}
    await first.post("/desk/orders/roster", **contact)
    (gap,) = [each for each in (await due.everything(world.context)).items if each.kind == "roster_gap"]
    page = (await first.get("/desk/orders")).text
    assert "08:00" in page and "07:59" not in page and gap.reference not in page
    spanish = await world.agent(TokenRole.ON_CALL, language="es", maker=PERSON)
    page = (await spanish.post("/desk/orders/requests/new", way="mail", kind="block")).text
    assert page.count("Falta esto.") == 3 and "--authority" not in page
    page = (await spanish.post("/desk/orders/new", **{**ORDER, "reason": ""})).text
    assert "Falta:" in page and "--reason" not in page
    late = {"until": "2020-01-01T00:00", "document": "OF-2", "reason": "x"}
    page = (await spanish.post("/desk/orders/1/suspend", **late)).text
    assert "No se suspendió" in page and "--until" not in page


async def test_a_confidential_name_stands_on_no_page(world: DeskWorld) -> None:
    first = await officer(world)
    secret = {**ORDER, "confidential": "1", "names": "secret-name.example"}
    wrong = await first.post("/desk/orders/new", **{**secret, "reason": ""})
    assert wrong.status_code == 409 and "secret-name" not in wrong.text and "type them again" in wrong.text
    pages = [await first.post("/desk/orders/new", **secret)]
    pages += [await first.get(path) for path in ("/desk/orders", "/desk/orders/list", "/desk/orders/1")]
    assert all(each.status_code == 200 and "secret-name" not in each.text for each in pages)


@pytest.mark.ring("night")
async def test_the_next_officer_reads_what_the_last_one_wrote(world: DeskWorld) -> None:
    first, second = await officer(world), await another(world)
    page = (await first.post("/desk/orders/handover", text="Call the SAT at eight.\nThe rest is quiet.")).text
    assert "Call the SAT at eight." in page and "Nobody has read it" in page
    number = str((await handing_over.listed(world.context))[0].number)
    refused = await first.post("/desk/orders/handover/read", number=number)
    assert refused.status_code == 403
    await second.get("/desk/orders/handover")
    assert "Read" in (await second.post("/desk/orders/handover/read", number=number)).text
    assert not [each for each in (await due.everything(world.context)).items if each.kind == "hand_over"]
    told = [each.entry for each in await audit.tail(world.context, subject=f"handover:{number}")]
    assert {each.action for each in told} == {"handover.write", "handover.read"}
    assert "SAT at eight" not in repr(told), "the trail has a digest of the words"


async def test_the_roster_tells_a_gap_and_a_change(world: DeskWorld) -> None:
    first = await officer(world)
    contact = {"what": "contact", "kind": "officer", "id": "ana", "telephone": "55 1234 5678"}
    await first.post("/desk/orders/roster", **contact)
    begins, ends = "2027-01-14T08:00", "2027-01-16T08:00"
    shift = {"what": "shift", "account": "ana", "begins": begins, "ends": ends}
    page = (await first.post("/desk/orders/roster", **shift)).text
    assert "1 gap: nobody on duty" in page and 'href="tel:5512345678"' in page
    home = (await first.get("/desk/orders")).text
    assert "Nobody on duty" in home and "55 1234 5678" in home
    shift |= {"account": "ben", "begins": ends, "ends": "2027-01-23T08:00"}
    assert "Changes of officer" in (await first.post("/desk/orders/roster", **shift)).text
    page = (await first.post("/desk/orders/roster", what="told", number="2", reference="AV-1")).text
    assert "Changes of officer" not in page


async def test_what_cannot_be_read_is_told_and_hides_nothing(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await officer(world)
    await requests.enter(world.context, requests.RequestAsked("sat", "OF-1", "block"))

    async def broken(_: object) -> list[object]:
        raise OperationError("the lists cannot be read")

    monkeypatch.setattr(due, "SOURCES", (broken, *due.SOURCES))
    page = (await first.get("/desk/orders")).text
    assert "the lists cannot be read" in page and "OF-1" in page


async def test_another_role_sees_no_duty_desk(world: DeskWorld) -> None:
    support = await world.agent()
    assert (await support.get("/desk/orders")).status_code == 403
    assert "/desk/orders" not in (await support.get("/desk")).text
    spanish = await world.agent(TokenRole.ON_CALL, language="es")
    assert "Nada vencido" in (await spanish.get("/desk/orders")).text
    assert replace(world.context, actor="x").human == "x"


async def test_a_form_that_is_sent_twice_makes_one_order(world: DeskWorld) -> None:
    first = await officer(world)
    asked = {"authority": "sat", "document": "OF-500/2027", "asked": "Bloquear un casino", "way": "mail"}
    await first.post("/desk/orders/requests/new", **asked)
    found = (await requests.search(world.context, Search(document="of 500 2027")))[0]
    begun = await first.get(f"/desk/orders/new?request={found.number}")
    sent = {**ORDER, "request": str(found.number), "once": mark_of(begun.text)}
    both = await asyncio.gather(*(first.post("/desk/orders/new", **sent) for _ in range(2)))
    assert [each.status_code for each in both] == [200, 200]
    assert {each.url.path for each in both} == {"/desk/orders/1"}
    assert len(await showing.list_orders(world.context)) == 1
    late = await first.post("/desk/orders/new", **ORDER, request=str(found.number), once="another")
    assert late.status_code == 409 and "has its outcome" in late.text
    assert len(await showing.list_orders(world.context)) == 1, "nothing was changed, as the page says"


async def test_a_form_that_was_refused_may_come_again(world: DeskWorld) -> None:
    first = await officer(world)
    begun = mark_of((await first.get("/desk/orders/new")).text)
    lacking = await first.post("/desk/orders/new", **{**ORDER, "law": "", "ground": ""}, once=begun)
    assert lacking.status_code == 409 and mark_of(lacking.text) == begun
    for _ in range(2):
        assert (await first.post("/desk/orders/new", **ORDER, once=begun)).status_code == 200
    assert len(await showing.list_orders(world.context)) == 1


async def test_a_form_whose_first_arrival_has_no_end_is_told(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_once, "LOOKS", 1)
    form = SentForm([("once", "one"), ("document", "OF-500/2027")])

    async def broken() -> NoReturn:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await sent_once.once(world.context, form, "session", broken)
    with pytest.raises(ConflictError, match="not known yet"):
        await sent_once.once(world.context, form, "session", broken)


async def test_a_request_to_block_lifts_nothing(world: DeskWorld) -> None:
    first, second = await officer(world), await another(world)
    await first.post("/desk/orders/new", **ORDER)
    await second.post("/desk/orders/1/approve")
    asked = {"authority": "profeco", "document": "X-9", "asked": "block other.example", "way": "mail"}
    await first.post("/desk/orders/requests/new", **asked)
    (found,) = await requests.waiting(world.context)
    await first.get("/desk/orders/1/emergency")
    cited = {"who": "authority", "reason": "the office called", "document": found.reference}
    refused = await first.post("/desk/orders/1/emergency", **cited)
    assert refused.status_code == 409 and "does not ask to unblock" in refused.text
    assert (await showing.show(world.context, "O-1")).state is OrderState.ACCEPTED
    assert [each.reference for each in await requests.waiting(world.context)] == [found.reference]


def mark_of(page: str) -> str:
    """The mark of the form on a page."""
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found is not None
    return found[1]
