"""Tickets wait while they can be cancelled, and a full list takes nothing away."""

from __future__ import annotations

from filterd.feed.registers.ticket_messages import Ticket
from filterd.feed.registers.ticket_plan import FullComparison, TicketPlan, compare, plan

NOW = 1_795_809_600.0
OLD, YOUNG = Ticket("T-1", NOW - 60, names=("a.example",)), Ticket("T-2", NOW - 59, names=("b.example",))


def test_a_ticket_is_taken_once_it_cannot_be_cancelled_any_more() -> None:
    assert plan([YOUNG, OLD], (), (), {}, NOW) == TicketPlan((OLD,), (YOUNG,), next_at=NOW + 1)
    assert plan([YOUNG, OLD], {"T-1"}, (), {}, NOW + 1).take == (YOUNG,)


def test_a_clock_ahead_makes_no_ticket_wait_for_longer() -> None:
    ahead = Ticket("T-3", NOW + 3600, names=("c.example",))
    assert plan([ahead], (), (), {"T-3": NOW - 30}, NOW).next_at == NOW + 30
    assert plan([ahead], (), (), {"T-3": NOW - 60}, NOW).take == (ahead,)


def test_a_cancelled_ticket_is_never_taken_or_lifted_once() -> None:
    cancelled = Ticket("T-1", NOW - 30, cancelled=True, names=("a.example",))
    assert plan([cancelled], (), (), {}, NOW + 3600).never == (cancelled,)
    assert plan([cancelled], {"T-1"}, (), {}, NOW).lift == (cancelled,)
    assert plan([cancelled], {"T-1"}, {"T-1"}, {}, NOW) == TicketPlan()


def test_a_full_list_brings_what_is_missing_and_takes_nothing_away() -> None:
    ours, full = {"a.example", "b.example"}, ["b.example", "c.example", "waits.example"]
    assert compare(ours, full, {"waits.example"}) == FullComparison(("c.example",), ("a.example",))
    assert compare(ours, []) == FullComparison((), ("a.example", "b.example"))
