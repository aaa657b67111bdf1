"""The node's notes on when which order began or ceased to be in force."""

from __future__ import annotations

import pytest

from filterd.dataplane.nodestate.order_arrivals import KEPT, OrderArrivals
from filterd.model.mandatory import Mandate, order_id
from filterd.policy.overlay import OrderRules

NOW = 1_800_000_000


class Clocks:
    """A clock that may jump, and one that does not go back."""

    def __init__(self) -> None:
        self.now, self.ticks = float(NOW), 100.0


@pytest.fixture
def clocks() -> Clocks:
    """Both at their beginning."""
    return Clocks()


@pytest.fixture
def arrivals(clocks: Clocks) -> OrderArrivals:
    """Nothing noted."""
    return OrderArrivals(lambda: clocks.now, lambda: clocks.ticks)


def rules(number: int = 1, revision: int = 5, **mandate: int | bool) -> OrderRules:
    return OrderRules(Mandate(order_id(number), f"O-{number}", **mandate), revision)  # type: ignore[arg-type]  # its times and flags


def told(arrivals: OrderArrivals) -> list[tuple[str, int, bool, float]]:
    return [(each.reference, each.revision, each.active, each.at) for each in arrivals.newest]


def test_an_order_comes_and_goes(arrivals: OrderArrivals, clocks: Clocks) -> None:
    arrivals.changed([rules(pending=True)])
    assert told(arrivals) == []
    arrivals.changed([rules(revision=6)])
    clocks.ticks += 2
    arrivals.changed([rules(revision=7)])  # sealed anew, say: its force is the same
    arrivals.changed([rules(revision=8, withdrawn=True)])
    assert told(arrivals) == [("O-1", 6, True, 100.0), ("O-1", 8, False, 102.0)]


def test_what_the_disk_held_is_not_told_as_new(arrivals: OrderArrivals) -> None:
    arrivals.begin([rules()])
    arrivals.changed([rules(revision=9)])
    assert told(arrivals) == []


def test_the_clock_alone_begins_and_ends(arrivals: OrderArrivals, clocks: Clocks) -> None:
    orders = [rules(not_before=NOW + 10, not_after=NOW + 20)]
    arrivals.changed(orders)
    for later in (0, 9, 10, 11, 19, 20, 21):
        clocks.now, clocks.ticks = NOW + later, 100.0 + later
        arrivals.passed(lambda: orders)
    assert told(arrivals) == [("O-1", 5, True, 110.0), ("O-1", 5, False, 120.0)]


def test_a_clock_that_is_set_back_revives_what_it_ended(arrivals: OrderArrivals, clocks: Clocks) -> None:
    orders = [rules(not_after=NOW + 20)]
    arrivals.changed(orders)
    for now in (NOW + 30, NOW + 5):
        clocks.now = now
        arrivals.passed(lambda: orders)
    assert [active for _, _, active, _ in told(arrivals)] == [True, False, True]


def test_a_suspended_order_resumes_by_itself(arrivals: OrderArrivals, clocks: Clocks) -> None:
    arrivals.changed([rules()])
    suspended = [rules(revision=6, not_before=NOW + 60)]
    arrivals.changed(suspended)
    clocks.now = NOW + 60
    arrivals.passed(lambda: suspended)
    assert [(revision, active) for _, revision, active, _ in told(arrivals)] == [
        (5, True),
        (6, False),
        (6, True),
    ]


def test_only_the_newest_are_kept(arrivals: OrderArrivals) -> None:
    arrivals.changed(rules(number) for number in range(1, KEPT + 3))
    assert (len(arrivals.newest), arrivals.newest[0].reference) == (KEPT, "O-3")
