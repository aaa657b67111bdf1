"""Everything that is due, the register of requests, the roster, and the effects of upheld reviews."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest

from filterd.model import roster as arithmetic
from filterd.model.due_item import DueKind
from filterd.model.duty import (
    AskedKind,
    AskedStep,
    AskedWay,
    ContactKind,
    DutyContact,
    Shift,
    paper_key,
)
from filterd.model.review import ReviewClaim, ReviewKind, ReviewOutcome
from filterd.model.review_effect import EffectOfReview
from filterd.model.roster import Gap
from filterd.model.time_left import TimeLeft, time_left
from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.duty import alarming, due, handing_over, requests, roster, roster_csv
from filterd.operations.duty.requests import RequestAsked, Search, StepTaken
from filterd.operations.errors import ConflictError
from filterd.operations.orders import ending, taking
from filterd.operations.reviews import asking, deciding, effects
from filterd.operations.reviews.asking import ReviewAsked
from filterd.operations.reviews.deciding import DecisionGiven
from tests.unit.operations.test_order_times import Nodes, arrival
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.installation import NOW, Installation, as_person

MEXICO = Path(__file__).parents[4] / "policies/jurisdictions/mx.yaml"
HOUR, DAY = 3_600, 86_400
ASKED = RequestAsked("sat", "OF-500/2027", "Bloquear un casino")


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    installation.write_policy("jurisdictions/mx.yaml", MEXICO.read_text(encoding="utf-8"))
    async with installation.open("ana", approvals=2) as context:
        yield context


async def kinds(context: Context) -> list[str]:
    """The kinds of what is due, in order."""
    return [each.kind.value for each in (await due.everything(context)).items]


@pytest.mark.ring("night")
async def test_the_late_stand_first_and_an_approval_stands_for_its_enforcement(
    context: Context, installation: Installation
) -> None:
    assert (await due.everything(context)).items == ()
    await requests.enter(context, ASKED)
    await taking.add(context, REQUEST)
    assert await kinds(context) == ["request", "approval"]
    installation.now += DAY + 1
    found = await due.everything(context)
    assert [each.reference for each in found.overdue] == ["P-1"]
    assert found.counts["approval"] == 1 and set(found.counts) == {each.value for each in DueKind}
    soon = await due.everything(context, within=HOUR)
    assert [each.kind.value for each in soon.items] == ["request"]
    await taking.approve(as_person(context, "bob"), "O-1")
    assert {"enforce", "review", "request"} == set(await kinds(context))


async def test_a_request_is_found_again_and_its_steps_stay(context: Context) -> None:
    made = await requests.enter(context, ASKED)
    with pytest.raises(ConflictError, match="noted already"):
        await requests.enter(context, replace(ASKED, document="of 500 2027"))
    with pytest.raises(OperationError, match="authority, asked, document"):
        await requests.enter(context, RequestAsked("", "", "", way=AskedWay.MAIL))
    await requests.enter(
        context, RequestAsked("fgr", "", "¿qué pasó?", AskedKind.INFORMATION, AskedWay.TELEPHONE)
    )
    await requests.take(context, made.reference, StepTaken(AskedStep.QUESTION, text="which name?"))
    with pytest.raises(OperationError, match="one of the fixed reasons"):
        await requests.take(context, made.reference, StepTaken(AskedStep.REFUSED, reason="no"))
    done = await requests.take(context, made.reference, StepTaken(AskedStep.REFUSED, reason="malformed"))
    assert [each.step for each in done.steps] == [AskedStep.QUESTION, AskedStep.REFUSED] and not done.open
    with pytest.raises(ConflictError, match="has its outcome"):
        await requests.take(context, made.reference, StepTaken(AskedStep.DONE))
    for wanted in (
        Search(document="OF 500-2027"),
        Search(authority="Servicio de Administración Tributaria", day="2027-01-15"),
    ):
        assert await requests.search(context, wanted) == [done]
    assert await requests.search(context, Search(authority="sat", day="2027-01-14")) == []
    told = await audit.tail(context, subject=f"request:{made.reference}")
    assert [each.entry.action for each in told] == ["request.note", "request.step", "request.step"]
    assert "casino" not in repr(told) and "which name" not in repr(told)


async def test_a_request_without_an_outcome_alarms_as_an_order_does(
    context: Context, installation: Installation
) -> None:
    made = await requests.enter(context, ASKED)
    (duty,) = await alarming.duties(context)
    assert (duty.order.reference, duty.kind.value, duty.due_at) == (made.reference, "request", NOW + DAY)
    installation.now += DAY + 1
    assert duty.overdue(installation.now)
    await requests.take(context, made.reference, StepTaken(AskedStep.DONE, text="answered by mail"))
    assert await alarming.duties(context) == []


async def test_a_week_covers_every_hour_where_clocks_change(context: Context) -> None:
    berlin = arithmetic.week(date(2027, 3, 22), ("ana", "ben"), time(8), "Europe/Berlin")
    hours = [(end - begin) / HOUR for _, begin, end in berlin]
    assert hours == [24, 24, 24, 24, 24, 23, 24]
    made = await roster.add_week(context, "2027-01-14", ["ana", "ben"])
    assert len(await roster.add_week(context, "2027-01-14", ["ana", "ben"])) == len(made) == 7
    found = await roster.look(context)
    assert [each.account for each in found.now] == ["ana"]
    assert found.gaps == (Gap(made[-1].ends_at, int(NOW) + 7 * DAY),)
    assert "roster_gap" in await kinds(context) and "roster_notice" in await kinds(context)
    await roster.told(context, found.untold[-1].number, reference="AV-1")
    assert "roster_notice" not in await kinds(context)
    with pytest.raises(ConflictError, match="told of that change already"):
        await roster.told(context, found.untold[-1].number, reference="AV-1")


async def test_the_roster_goes_out_and_comes_in_as_csv(context: Context) -> None:
    await roster.add_week(context, "2027-01-15", ["ana", "ben"])
    text = await roster_csv.export_shifts(context)
    assert text.splitlines()[1] == "ana,2027-01-15T08:00-06:00,2027-01-16T08:00-06:00,"
    before = (await roster.look(context)).shifts
    assert tuple(await roster_csv.import_shifts(context, text)) == before, "the same again changes nothing"
    with pytest.raises(OperationError, match=r"row 2: .*row 3: ") as refused:
        await roster_csv.import_shifts(context, "account,begins,ends\nana,x,y\nben,2027-01-15,z\n")
    assert "nothing was taken" in str(refused.value)
    people = "kind,id,name,telephone\nofficer,ana,Ana,55 1\nauthority,sat,SAT,55 2\n"
    assert len(await roster_csv.import_contacts(context, people)) == 2
    assert "officer,ana,Ana,55 1" in await roster_csv.export_contacts(context)
    with pytest.raises(OperationError, match="row 2: "):
        await roster_csv.import_contacts(context, "kind,id,name,telephone\nfriend,x,X,1\n")


async def test_no_cell_of_the_roster_is_a_formula_and_all_come_back(context: Context) -> None:
    given = DutyContact("x", ContactKind.OFFICER, "=1+1", "+52 55 1234 5678", deputy="@b", note="-2+3")
    await roster.put_contact(context, given)
    before = (await roster.look(context)).contacts
    text = await roster_csv.export_contacts(context)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert "'+52 55 1234 5678" in cells
    assert not [each for each in cells if each.startswith(("=", "+", "-", "@", "\t", "\r"))]
    await roster_csv.import_contacts(context, text)
    assert (await roster.look(context)).contacts == before


async def test_a_shift_that_cannot_be_meant(context: Context) -> None:
    for begins, ends in ((NOW, NOW), (NOW, NOW + 8 * DAY)):
        with pytest.raises(OperationError, match="ends after it begins"):
            await roster.add(context, "ana", int(begins), int(ends))
    assert arithmetic.gaps([Shift(1, "a", 10, 20), Shift(2, "b", 15, 30)], 5, 40) == (Gap(5, 10), Gap(30, 40))


async def test_a_hand_over_keeps_what_is_open(context: Context) -> None:
    await requests.enter(context, ASKED)
    made = await handing_over.write_down(context, "  quiet \n night ")
    assert made.text == "quiet\nnight" and made.open_items[0].startswith("request P-1 ")
    read = await handing_over.read(as_person(context, "bob"), made.number)
    assert [actor for actor, _ in read.seen] == ["bob"]
    with pytest.raises(OperationError, match="empty"):
        await handing_over.write_down(context, "   ")


async def test_the_effect_of_an_upheld_review_is_measured(
    context: Context, installation: Installation
) -> None:
    world = Nodes(context)
    await world.report("n1", NOW - 1)
    await taking.add(context, REQUEST)
    await taking.approve(as_person(context, "bob"), "O-1")
    await world.report("n1", NOW + 1, arrival(NOW + 0.5))
    issued = await asking.ask(
        context, ReviewAsked("casino.example", ReviewClaim.CLOSED, ReviewKind.MANDATORY)
    )
    assert "complaint" in await kinds(context)
    await deciding.decide(context, "1", DecisionGiven(ReviewOutcome.UPHELD, "Tiene razón."))
    assert "effect" in await kinds(context)
    with pytest.raises(ConflictError, match="still in force"):
        await effects.record(context, "1", EffectOfReview.ORDER, reference="o-1")
    installation.now += 10
    await ending.withdraw(context, "O-1", reason="upheld")
    await effects.record(context, "1", EffectOfReview.ORDER, reference="o-1")
    assert await effects.settle(context) == 0
    seen = await asking.look(context, issued.folio, issued.code)
    assert (seen.effect, seen.effective_on) == ("order", "")
    await world.report("n1", NOW + 12, arrival(NOW + 11, active=False))
    assert await effects.settle(context) == 1
    async with context.store.read() as connection:
        assert await effects.of_every(connection) == {1: ("order", NOW + 11)}
    assert (await asking.look(context, issued.folio, issued.code)).effective_on == "2027-01-15"
    assert "effect" not in await kinds(context)


def test_time_is_told_in_words() -> None:
    assert time_left(7_800) == TimeLeft(False, "hours", hours=2, minutes=10)
    assert time_left(-3 * DAY) == TimeLeft(True, "days", days=3)
    assert time_left(59) == TimeLeft(False, "minutes")
    assert paper_key("OF-500/Á") == "of500a"
