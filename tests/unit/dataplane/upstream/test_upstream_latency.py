"""How late is unusually late."""

from __future__ import annotations

import random

import pytest

from filterd.dataplane.upstream.latency import LONGEST_HEDGE, SHORTEST_HEDGE, Latency
from filterd.dataplane.upstream.race import HEDGE_BURST, HedgeBudget


def observed(*seconds: float) -> Latency:
    latency = Latency()
    for each in seconds:
        latency.observe(each)
    return latency


def test_smoothing_is_that_of_tcp() -> None:
    assert Latency().smoothed is None
    latency = observed(0.1)
    assert (latency.smoothed, latency.variation) == (0.1, 0.05)
    latency.observe(0.2)
    assert latency.variation == pytest.approx(0.0625)
    assert latency.smoothed == pytest.approx(0.1125)


def test_before_there_are_samples_the_longest_wait_holds() -> None:
    assert Latency().hedge_after() == LONGEST_HEDGE
    assert observed(0.02).hedge_after() == pytest.approx(0.06)
    assert observed(1.0).hedge_after() == LONGEST_HEDGE
    assert observed(0.0001).hedge_after() == SHORTEST_HEDGE


def test_then_it_is_the_95th_percentile_of_the_latest() -> None:
    times = [0.1 * at / 1000 + 0.02 for at in range(1000)]
    random.Random(5).shuffle(times)
    assert observed(*times).hedge_after() == pytest.approx(0.115, abs=0.004)
    moved = observed(*times, *[0.03] * 256)
    assert moved.hedge_after() == pytest.approx(0.031)
    assert observed(*[0.002] * 50).hedge_after() == SHORTEST_HEDGE
    assert observed(*[0.9] * 50).hedge_after() == LONGEST_HEDGE


def test_the_percentile_is_taken_from_the_twentieth_sample_on_and_then_every_sixteen() -> None:
    latency = observed(*[0.02] * 18, 0.1)
    assert latency.hedge_after() > 0.02 + 0.001, "an estimate, by the variation"
    latency.observe(0.02)
    assert latency.hedge_after() == pytest.approx(0.101), "the highest of twenty"
    for _ in range(11):
        latency.observe(0.02)
    assert latency.hedge_after() == pytest.approx(0.101)
    latency.observe(0.02)
    assert latency.hedge_after() == pytest.approx(0.021), "the second highest of 32"


def test_the_oldest_of_128_samples_makes_room() -> None:
    latency = observed(*[0.1] * 22, *[0.02] * 106)
    for _ in range(15):
        latency.observe(0.02)
    assert latency.hedge_after() == pytest.approx(0.101), "the seventh highest of 128"
    latency.observe(0.02)
    assert latency.hedge_after() == pytest.approx(0.021), "six of the slow ones are left"
    kept = observed(*[0.1] * 23, *[0.02] * 105, *[0.02] * 16)
    assert kept.hedge_after() == pytest.approx(0.101)


def test_a_tenth_of_the_questions_may_be_hedged_and_a_burst() -> None:
    budget = HedgeBudget()
    assert sum(budget.take() for _ in range(100)) == HEDGE_BURST
    taken = 0
    for _ in range(1000):
        budget.earn()
        taken += budget.take()
    assert taken == pytest.approx(100, abs=1)
    for _ in range(10_000):
        budget.earn()
    assert sum(budget.take() for _ in range(100)) == HEDGE_BURST
