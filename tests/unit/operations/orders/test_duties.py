"""Duties of orders: which there are, when they are due, and when they are done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from filterd.model.order import OrderState, OrderStep, StepKind
from filterd.model.order_facts import OrderFacts
from filterd.operations.orders.duties import Duty, Reached, duties_of
from filterd.policy.jurisdictions import DeadlineKind
from tests.unit.policy.test_calendars import PACKS

MEXICO, ITALY = PACKS["mx"], PACKS["it"]
NOWHERE = Reached()


def at(text: str, zone: str = "America/Mexico_City") -> float:
    """A local time as Unix seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


MONDAY = at("2026-11-23T09:00")
TAX = OrderFacts(
    number=1,
    reference="O-1",
    state=OrderState.PENDING,
    authority="SAT",
    ground="LIVA 18-H BIS a 18-H QUINTUS",
    received_at=MONDAY,
    added_at=MONDAY + 60,
    accepted_at=0.0,
)


def duties(order: OrderFacts, reached: Reached = NOWHERE) -> dict[str, Duty]:
    """The duties by their kind."""
    return {each.kind.value: each for each in duties_of(order, MEXICO, reached)}


def step(kind: StepKind, when: float, **more: object) -> OrderStep:
    """A step of an order's life."""
    return replace(OrderStep(1, kind, when, "ana"), **more)  # type: ignore[arg-type]  # fields of a step


def test_an_order_that_waits_must_be_enforced_all_the_same() -> None:
    found = duties(TAX)
    assert found.keys() == {"enforce"}
    assert found["enforce"].due_at == at("2026-11-30T23:59:59")
    assert not found["enforce"].overdue(at("2026-11-30T23:59:59.9"))
    assert found["enforce"].overdue(at("2026-12-01T00:00"))


def test_once_enforced_it_must_be_reported() -> None:
    accepted = replace(TAX, state=OrderState.ACCEPTED, accepted_at=MONDAY + 3600)
    assert duties(accepted).keys() == {"enforce", "review"}
    found = duties(accepted, Reached(enforced_at=MONDAY + 3601))
    assert found["enforce"].done_at == MONDAY + 3601
    assert not found["enforce"].late
    assert found["report"].due_at == at("2026-11-30T23:59:59")
    assert found["report"].open
    told = replace(accepted, steps=(step(StepKind.REPORTED, MONDAY + 9999, received_at=MONDAY + 5000),))
    assert duties(told, Reached(enforced_at=MONDAY + 3601))["report"].done_at == MONDAY + 5000


def test_what_was_enforced_too_late_says_so() -> None:
    late = replace(TAX, state=OrderState.ACCEPTED, accepted_at=MONDAY)
    found = duties(late, Reached(enforced_at=at("2026-12-01T00:00:01")))["enforce"]
    assert found.late
    assert not found.overdue(at("2027-01-01T00:00"))


def test_an_unblock_has_a_deadline_from_its_demand() -> None:
    steps = (step(StepKind.LIFTED, MONDAY + 90, received_at=MONDAY),)
    lifted = replace(TAX, state=OrderState.LIFTED, accepted_at=1.0, ended_at=MONDAY + 90, steps=steps)
    found = duties(lifted, Reached(enforced_at=2.0))
    assert {name for name, each in found.items() if each.open} == {"unblock"}
    assert (found["unblock"].due_at, found["unblock"].open) == (int(at("2026-11-30T23:59:59")), True)
    assert duties(lifted, Reached(lifted_at=MONDAY + 91))["unblock"].done_at == MONDAY + 91


def test_a_provisional_order_must_be_confirmed() -> None:
    order = replace(
        TAX, state=OrderState.ACCEPTED, accepted_at=MONDAY, authority="judge", ground="LGAMVLV 20 Sexies"
    )
    found = duties(order)
    assert found["reconfirm"].due_at == at("2026-11-28T23:59:59")
    assert found["reconfirm"].overdue(at("2026-11-29T00:00"))
    confirmed = replace(order, steps=(step(StepKind.CONFIRMED, MONDAY + 86_400),))
    assert not duties(confirmed)["reconfirm"].open


def test_the_orders_own_times_go_before_the_grounds() -> None:
    own = replace(TAX, enforce_by=1000, report_by=2000, review_at=3000, accepted_at=5.0)
    found = duties(replace(own, state=OrderState.ACCEPTED))
    assert {name: each.due_at for name, each in found.items()} == {
        "enforce": 1000,
        "report": 2000,
        "review": 3000,
    }


def test_a_ground_that_nobody_knows_has_a_review_alone() -> None:
    order = replace(TAX, ground="the law of the sea", state=OrderState.ACCEPTED, accepted_at=MONDAY)
    found = duties(order)
    assert found.keys() == {"review"}
    assert found["review"].due_at == at("2027-05-22T23:59:59")
    assert duties(replace(order, not_after=1)) == {}, "it ends by itself"


def test_a_confirmed_need_moves_the_review() -> None:
    order = replace(TAX, state=OrderState.ACCEPTED, accepted_at=MONDAY, review_at=int(MONDAY) + 5)
    looked = replace(order, steps=(step(StepKind.CONFIRMED, MONDAY + 4, until=int(MONDAY) + 999),))
    assert duties(looked)["review"].due_at == MONDAY + 999
    open_end = replace(order, steps=(step(StepKind.CONFIRMED, MONDAY),))
    assert duties(open_end)["review"].due_at == at("2027-05-22T23:59:59")


def test_executed_outside_dns() -> None:
    steps = (step(StepKind.EXECUTED, MONDAY + 7),)
    order = replace(TAX, state=OrderState.OUTSIDE_DNS, accepted_at=MONDAY, steps=steps)
    assert duties(order)["enforce"].done_at == MONDAY + 7
    assert "report" in duties(order)


@pytest.mark.parametrize("state", [OrderState.WITHDRAWN, OrderState.EXPIRED, OrderState.LIFTED])
def test_an_ended_order_keeps_what_was_done_and_asks_for_no_more(state: OrderState) -> None:
    steps = (
        step(StepKind.REPORTED, MONDAY + 100 * 86_400),
        step(StepKind.LIFTED, MONDAY + 200 * 86_400, received_at=MONDAY),
    )
    order = replace(TAX, state=state, accepted_at=MONDAY, ended_at=MONDAY + 200 * 86_400, steps=steps)
    found = duties(order, Reached(at("2026-12-01T00:00:01"), MONDAY + 5))
    assert {name for name, each in found.items() if each.open} == set()
    assert {name: each.late for name, each in found.items() if each.done_at} == {
        "enforce": True,
        "report": True,
        "unblock": False,
    }
    assert (found["review"].done_at, found["review"].over_at) == (0.0, MONDAY + 200 * 86_400)


def test_a_suspended_order_need_not_be_enforced_and_one_that_was_says_when() -> None:
    steps = (step(StepKind.SUSPENDED, MONDAY + 50, received_at=MONDAY + 40),)
    order = replace(TAX, state=OrderState.SUSPENDED, accepted_at=MONDAY, steps=steps)
    assert duties(order)["enforce"].over_at == MONDAY + 50
    assert not duties(order)["enforce"].open
    found = duties(order, Reached(MONDAY + 1, MONDAY + 51))
    assert {name: each.done_at for name, each in found.items() if not each.open} == {
        "enforce": MONDAY + 1,
        "unblock": MONDAY + 51,
    }
    again = (*steps, step(StepKind.RESUMED, MONDAY + 99))
    resumed = replace(order, state=OrderState.ACCEPTED, steps=again)
    assert duties(resumed)["enforce"].open
    assert (duties(resumed)["unblock"].open, duties(resumed)["unblock"].over_at) == (False, MONDAY + 99)


def test_the_report_on_a_ticket_runs_from_its_arrival() -> None:
    received = at("2026-11-23T20:45", "Europe/Rome")
    ticket = replace(TAX, authority="agcom", ground="piracy-shield", received_at=received)
    found = {each.kind: each.due_at for each in duties_of(ticket, ITALY, NOWHERE)}
    half_an_hour = int(received) + 1800
    assert found == {DeadlineKind.ENFORCE: half_an_hour, DeadlineKind.REPORT: half_an_hour}
