"""A line has hours of its own in the place of its profile's, holidays, and closings that come once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from filterd.config.policies import load_policies
from filterd.config.policy_documents import DAYS
from filterd.config.policy_values import DocumentValue
from filterd.model.adjustments import MOST_HOLIDAYS, MOST_ONCE, MOST_SLOTS, Adjustments, policy_key, read_key
from filterd.model.slot import OneSlot, Slot
from filterd.model.subscriber import RequestEvidence
from filterd.operations import audit, closings, nearest, plan_file, plans, subscribers
from filterd.operations.closings import Closed
from filterd.operations.context import Context, OperationError
from filterd.operations.ends import DAY, End
from filterd.operations.plans import PlanChange
from tests.worlds.installation import Installation

EVIDENCE = RequestEvidence("the holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
POLICIES = Path(__file__).parents[3] / "policies"
TODAY = datetime(2027, 1, 15, tzinfo=UTC).date()
EVERYTHING = Closed(everything=True)
NIGHT = """
schedule:
  - {days: [sat], from: "14:00", until: "16:00", block: {services: [chat], categories: [gambling]}}
  - {days: daily, from: "22:00", until: "06:00", block: {everything: true}, leaves: []}
"""


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """A line S-1 with the profile teen, whose clock shows UTC."""
    async with installation.open() as context:
        await subscribers.add(context, "S-1", zone="UTC")
        await subscribers.opt_in(context, "S-1", "teen", EVIDENCE)
        yield context


def _later(context: Context, seconds: int) -> Context:
    return replace(context, clock=lambda: context.clock() + seconds)


async def _adjustments(context: Context) -> Adjustments:
    return (await subscribers.show(context, "S-1")).choices.adjustments


async def test_a_plan_takes_the_place_of_the_profiles_hours(context: Context) -> None:
    _, hours = await plans.show(context, "S-1")
    assert (hours.own, hours.slots) == (False, ())
    _, hours = await plans.change(context, "S-1", PlanChange(NIGHT))
    assert hours.own
    assert hours.everything
    assert hours.slots == (
        Slot((5,), 840, 960, categories=("gambling",), services=("chat",)),
        Slot(tuple(range(7)), 1320, 360, everything=True, leaves=()),
    )
    _, hours = await plans.change(context, "S-1", PlanChange(as_profile=True))
    assert not hours.own
    assert await _adjustments(context) == Adjustments()


async def test_no_hours_at_all_is_a_plan_too(context: Context) -> None:
    _, hours = await plans.change(context, "S-1", PlanChange("schedule: []"))
    assert (hours.own, hours.slots) == (True, ())


async def test_lines_that_ask_for_the_same_have_the_same_policy_key(context: Context) -> None:
    turned = """
schedule:
  - {days: [sun, mon, tue, wed, thu, fri, sat], from: "22:00", until: "06:00", block: everything, leaves: []}
  - {days: [sat], from: "14:00", until: "16:00", block: {categories: [gambling], services: [chat]}}
"""
    keys = set()
    for text in (NIGHT, turned):
        await plans.change(context, "S-1", PlanChange(text))
        keys.add((await subscribers.show(context, "S-1")).choices.policy_key)
    (key,) = keys
    assert policy_key(*read_key(key)) == key


async def test_everything_wrong_is_said_with_its_place(context: Context) -> None:
    text = """
evening: true
schedule:
  - {days: [moon], from: 21, until: "06:00", block: {categories: [gamblin]}}
  - {days: daily, from: "21:00", until: "22:00", block: {everything: true, categories: [adult]}}
  - {days: daily, from: "21:00", until: "22:00", block: {childrens: true}}
  - {days: daily, from: "21:00", until: "22:00", block: everything, leaves: [banks]}
  - {days: daily, from: "21:00", until: "22:00", block: []}
  - {days: daily, from: "21:00", until: "22:00", block: ~}
"""
    before = await audit.verify(context)
    with pytest.raises(OperationError) as caught:
        await plans.change(
            context, "S-1", PlanChange(text, "p.yaml", holidays=("25.12.",), workdays=("2027-02-01",))
        )
    said = str(caught.value)
    for part in (
        "p.yaml.evening: unknown key",
        "p.yaml.schedule[0].days[0]: 'moon'",
        "p.yaml.schedule[0].from: 21 is no time of day",
        "p.yaml.schedule[0].block: unknown category 'gamblin' (did you mean gambling?)",
        "p.yaml.schedule[1].block: is everything, and something beside it",
        "p.yaml.schedule[2].block: closes nothing",
        "p.yaml.schedule[2]: childrens stands for nothing",
        "p.yaml.schedule[3].leaves: unknown group of always-allowed names 'banks'",
        "p.yaml.schedule[4].block: closes nothing",
        "p.yaml.schedule[5].block: has no value",
        "no day: '25.12.'",
        "2027-02-01 is no holiday",
    ):
        assert part in said
    assert await audit.verify(context) == before


@pytest.mark.parametrize(
    "text", ["", "[]", "schedule", "schedule: {", "schedule: 1", "\t", "schedule: &a [*a]"]
)
async def test_a_file_that_is_no_plan_is_refused(context: Context, text: str) -> None:
    with pytest.raises(OperationError, match=r"plan"):
        await plans.change(context, "S-1", PlanChange(text))


async def test_a_plan_has_a_bounded_number_of_slots(context: Context) -> None:
    slot = '  - {days: daily, from: "21:00", until: "22:00", block: [adult]}\n'
    with pytest.raises(OperationError, match=f"may have {MOST_SLOTS}"):
        await plans.change(context, "S-1", PlanChange("schedule:\n" + slot * (MOST_SLOTS + 1)))


def test_childrens_things_are_there_and_hold_all_that_bedtime_closes_in_a_shipped_profile() -> None:
    documents = load_policies(POLICIES)
    found = plan_file.childrens_things(documents)
    assert found == (plan_file.CHILDRENS_CATEGORIES, plan_file.CHILDRENS_SERVICES)
    (school,) = (each for each in documents.profiles if each.id == "school-nights")
    bedtime = school.schedule[-1]
    assert set(bedtime.categories) <= set(found[0])
    assert set(bedtime.services) <= set(found[1])
    groups = {each.id: each.group for each in documents.services}
    assert not {groups[each] for each in found[1]} & {"messaging", "work", "shopping"}


def test_childrens_things_stand_in_the_plan_by_their_ids() -> None:
    text = 'schedule: [{days: daily, from: "21:00", until: "22:00", block: {childrens: true, services: [x]}}]'
    (slot,) = plan_file.read_plan(text, "plan", load_policies(POLICIES))
    assert set(slot.categories) == set(plan_file.CHILDRENS_CATEGORIES)
    assert set(slot.services) == {*plan_file.CHILDRENS_SERVICES, "x"}


async def test_holidays_come_and_go_and_those_that_passed_go_by_themselves(context: Context) -> None:
    days = tuple((TODAY + timedelta(days=ahead)).isoformat() for ahead in (3, 0, 1))
    _, hours = await plans.change(context, "S-1", PlanChange(holidays=days))
    assert hours.holidays == tuple(sorted(days))
    _, hours = await plans.change(context, "S-1", PlanChange(workdays=days[:1]))
    assert hours.holidays == (days[1], days[2])
    _, hours = await plans.change(_later(context, DAY), "S-1", PlanChange(as_profile=True))
    assert hours.holidays == (days[2],)


@pytest.mark.parametrize("ahead", [-1, 800])
async def test_a_holiday_that_cannot_be_meant_is_refused(context: Context, ahead: int) -> None:
    day = (TODAY + timedelta(days=ahead)).isoformat()
    with pytest.raises(OperationError, match="no holiday"):
        await plans.change(context, "S-1", PlanChange(holidays=(day,)))


async def test_a_line_has_a_bounded_number_of_holidays(context: Context) -> None:
    days = tuple((TODAY + timedelta(days=ahead)).isoformat() for ahead in range(MOST_HOLIDAYS + 1))
    with pytest.raises(OperationError, match=f"may have {MOST_HOLIDAYS}"):
        await plans.change(context, "S-1", PlanChange(holidays=days))


async def test_a_change_of_profile_keeps_the_plan_and_the_holidays(context: Context) -> None:
    await plans.change(context, "S-1", PlanChange(NIGHT, holidays=(TODAY.isoformat(),)))
    before = await _adjustments(context)
    found = await subscribers.set_profile(context, "S-1", "child")
    assert found.choices.adjustments == before


async def test_hours_and_closings_need_a_profile(context: Context) -> None:
    await subscribers.add(context, "S-2")
    with pytest.raises(OperationError, match="has not opted in"):
        await plans.change(context, "S-2", PlanChange(NIGHT))
    with pytest.raises(OperationError, match="has not opted in"):
        await closings.close(context, "S-2", EVERYTHING, End(60))


async def test_a_closing_begins_now_and_ends_by_itself(context: Context) -> None:
    now = int(context.clock())
    closed = Closed(categories=("gambling",), services=("chat",))
    found, made = await closings.close(context, "S-1", closed, End(45 * 60))
    assert made == OneSlot(now, now + 2700, categories=("gambling",), services=("chat",))
    assert found.choices.adjustments.once == (made,)
    later = _later(context, 2700)
    found, second = await closings.close(later, "S-1", EVERYTHING, End(60))
    assert found.choices.adjustments.once == (second,)


async def test_any_change_drops_the_closings_that_ended(context: Context) -> None:
    await closings.close(context, "S-1", EVERYTHING, End(60))
    found = await subscribers.set_zone(_later(context, 60), "S-1", "Europe/Madrid")
    assert found.choices.adjustments.once == ()


async def test_a_closing_of_the_evening(context: Context) -> None:
    now = int(context.clock())
    _, made = await closings.close(context, "S-1", EVERYTHING, End(until="21:30"), begin="20:00")
    assert (made.begin, made.end) == (now + 12 * 3600, now + 13 * 3600 + 1800)


async def test_what_runs_is_opened_and_what_comes_stays(context: Context) -> None:
    await closings.close(context, "S-1", EVERYTHING, End(3600))
    _, coming = await closings.close(context, "S-1", EVERYTHING, End(60), begin="20:00")
    found, ended = await closings.reopen(context, "S-1")
    assert (ended, found.choices.adjustments.once) == (1, (coming,))
    with pytest.raises(OperationError, match="1 begin later"):
        await closings.reopen(context, "S-1")
    found, ended = await closings.reopen(context, "S-1", coming=True)
    assert (ended, found.choices.adjustments.once) == (1, ())


async def test_the_same_closing_twice_in_a_moment_is_one(context: Context) -> None:
    for _ in range(2):
        found, _ = await closings.close(context, "S-1", EVERYTHING, End(60))
    assert len(found.choices.adjustments.once) == 1


async def test_a_line_has_a_bounded_number_of_closings(context: Context) -> None:
    for minutes in range(1, MOST_ONCE + 1):
        await closings.close(context, "S-1", EVERYTHING, End(60 * minutes))
    with pytest.raises(OperationError, match="most there can be"):
        await closings.close(context, "S-1", EVERYTHING, End(6000))


@pytest.mark.parametrize(
    ("closed", "end", "begin", "says"),
    [
        (Closed(), End(60), "", "say what to close"),
        (Closed(everything=True, services=("chat",)), End(60), "", "say what to close"),
        (Closed(childrens=True), End(60), "", "say what to close"),
        (Closed(categories=("adlut",), services=("caht",)), End(60), "", "did you mean adult"),
        (Closed(categories=("adlut",), services=("caht",)), End(60), "", "did you mean chat"),
        (EVERYTHING, End(8 * DAY), "", "in more than 7 days"),
        (EVERYTHING, End(60), "2027-01-14T08:00", "begin lies in the past"),
        (EVERYTHING, End(60), "2029-01-14T08:00", "begin lies in the past, or more"),
        (EVERYTHING, End(until="2027-01-15T07:00"), "", "before it begins"),
        (EVERYTHING, End(until="evening"), "", "is no time"),
    ],
)
async def test_a_closing_that_cannot_be_is_refused(
    context: Context, closed: Closed, end: End, begin: str, says: str
) -> None:
    with pytest.raises(OperationError, match=says) as caught:
        await closings.close(context, "S-1", closed, end, begin=begin)
    assert caught.value.remedy


@pytest.mark.ring("night")
def test_a_plan_full_of_errors_is_read_in_steps_that_grow_with_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A body of the API that names 10,000 unknown services held up every other request for half a minute."""
    guess = Mock(return_value="")
    monkeypatch.setattr(plan_file, "nearest", guess)
    documents = load_policies(POLICIES)
    unknown = [f"s-{number}" for number in range(10_000)]
    slot = {"days": ["mon"], "from": "20:00", "until": "22:00", "block": {"services": unknown}}
    with pytest.raises(plan_file.PlanError) as caught:
        plan_file.read_plan(json.dumps({"schedule": [slot] * 2}), "plan", documents)
    told = str(caught.value).splitlines()
    assert guess.call_count == nearest.MOST_GUESSED
    assert (len(told), told[-1]) == (plan_file.MOST_TOLD + 1, "plan: and 19900 more")


@pytest.mark.ring("night")
def test_a_plan_is_no_longer_than_any_plan_can_be() -> None:
    documents = load_policies(POLICIES)
    everything = {
        "categories": [each.id for each in documents.categories],
        "services": [each.id for each in documents.services],
    }
    slots = [
        {"days": list(DAYS), "from": f"{each // 3:02}:{20 * (each % 3):02}", "until": "23:59"}
        for each in range(MOST_SLOTS)
    ]
    most = json.dumps({"schedule": [each | {"block": everything} for each in slots]})
    assert len(plan_file.read_plan(most, "plan", documents)) == MOST_SLOTS
    with pytest.raises(plan_file.PlanError, match="which no plan needs"):
        plan_file.read_plan(f"{most} # {' ' * plan_file.LONGEST}", "plan", documents)


def test_values_that_stand_twice_are_found_in_one_pass() -> None:
    class Counted(str):
        """A text that counts how often it is compared."""

        __slots__ = ()
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    found = DocumentValue(None, "block")
    found.different(tuple(Counted(f"c-{number % 1_000}") for number in range(2_000)))
    assert len(found.problems) == 1_000
    assert Counted.compared < 5_000
