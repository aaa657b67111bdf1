"""When a server rests, when it is probed, and who is asked first."""

from __future__ import annotations

import pytest

from filterd.dataplane.upstream.health import IDLE, LONGEST_REST, REFUSALS_TO_REST, Condition, order

NOW = 1000.0


def conditions(count: int) -> list[Condition]:
    return [Condition(NOW) for _ in range(count)]


def test_servers_are_asked_in_their_order() -> None:
    assert order(conditions(3)) == [0, 1, 2]


def test_one_silence_makes_a_server_rest_until_it_is_heard() -> None:
    first, second = both = conditions(2)
    assert first.silent(NOW, NOW + 0.4)
    assert not first.silent(NOW, NOW + 0.5)
    assert order(both) == [1, 0]
    assert first.probe_at == NOW + 0.4
    assert first.heard(NOW + 1, 0.02)
    assert not first.heard(NOW + 2, 0.02)
    assert order(both) == [0, 1]
    assert not second.resting


def test_a_server_that_answered_others_meanwhile_is_not_silent() -> None:
    condition = Condition(NOW)
    condition.heard(NOW + 0.1, 0.01)
    assert not condition.silent(NOW, NOW + 0.4)
    assert not condition.resting


def test_refusing_again_and_again_is_a_reason_to_rest() -> None:
    condition = Condition(NOW)
    for _ in range(REFUSALS_TO_REST - 1):
        assert not condition.refused(NOW)
    condition.answered(NOW)
    for _ in range(REFUSALS_TO_REST - 1):
        assert not condition.refused(NOW)
    assert condition.refused(NOW)
    assert condition.resting
    condition.heard(NOW, 0.01)
    assert condition.resting
    assert condition.answered(NOW)
    assert not condition.resting


def test_probes_of_a_resting_server_come_less_and_less_often() -> None:
    condition = Condition(NOW)
    condition.failed(NOW)
    pauses = []
    for probes in range(1, 10):
        condition.probed(NOW, probes, heard=False)
        pauses.append(condition.probe_at - NOW)
    assert pauses == [0.5, 1, 2, 4, 8, 16, LONGEST_REST, LONGEST_REST, LONGEST_REST]


def test_who_fails_again_soon_waits_longer_for_its_first_probe() -> None:
    condition = Condition(NOW)
    waits = []
    now = NOW
    for _ in range(4):
        condition.failed(now)
        waits.append(condition.probe_at - now)
        condition.heard(now + 1, 0.01)
        now += 10
    assert waits == [0, 0.5, 1, 2]
    now += 100
    condition.failed(now)
    assert condition.probe_at == now


def test_a_server_that_nobody_asks_is_probed_and_one_that_is_heard_is_not() -> None:
    condition = Condition(NOW)
    assert condition.probe_at == NOW + IDLE
    condition.heard(NOW + 5, 0.01)
    assert condition.probe_at == NOW + 5 + IDLE
    condition.probed(NOW + 20, 1, heard=True)
    assert not condition.resting
    assert condition.probe_at == NOW + 20 + IDLE


def test_resting_servers_are_asked_in_the_order_of_their_failures() -> None:
    first, second, third = all_three = conditions(3)
    first.failed(NOW)
    first.failed(NOW)
    second.failed(NOW)
    assert order(all_three) == [2, 1, 0]
    third.looping = True
    assert order(all_three) == [1, 0]
    first.looping = second.looping = True
    assert order(all_three) == []


@pytest.mark.parametrize(("slow", "expected"), [(0.02, [0, 1]), (0.1, [0, 1]), (0.15, [1, 0]), (3.0, [1, 0])])
def test_a_much_slower_server_comes_later(slow: float, expected: list[int]) -> None:
    first, second = both = conditions(2)
    for _ in range(100):
        first.heard(NOW, slow)
        second.heard(NOW, 0.01)
    assert order(both) == expected
    for _ in range(100):
        first.heard(NOW, 0.01)
    assert order(both) == [0, 1]
