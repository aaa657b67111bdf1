"""When a server rests, when it is probed, and who is asked first."""

from __future__ import annotations

import pytest

from filterd.dataplane.upstream.server_order import (
    FIRST_REST,
    IDLE,
    LONGEST_REST,
    REFUSAL_PROBE,
    REFUSALS_TO_PROBE,
    RELAPSE,
    Condition,
    order,
)

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


def test_refusing_again_and_again_is_a_reason_to_probe_and_refusing_that_one_to_rest() -> None:
    condition = Condition(NOW)
    for _ in range(REFUSALS_TO_PROBE - 1):
        assert not condition.refused(NOW)
    condition.answered(NOW)
    for _ in range(REFUSALS_TO_PROBE - 1):
        assert not condition.refused(NOW)
    assert condition.refused(NOW)
    assert condition.probe_at == NOW
    assert not condition.resting
    assert condition.probed(NOW, 1, heard=True, refused=True)
    assert condition.resting
    condition.heard(NOW, 0.01)
    assert condition.resting
    assert condition.answered(NOW)
    assert not condition.resting


def test_a_probe_that_is_answered_ends_the_doubt() -> None:
    """However many names are refused before and after, and however soon."""
    condition = Condition(NOW)
    due = 0
    for number in range(1000):
        now = NOW + number / 100
        if condition.refused(now):
            due += 1
            condition.answered(now)
            assert not condition.probed(now, 0, heard=True)
        assert not condition.resting
    assert due == 10 / REFUSAL_PROBE


def test_a_probe_that_is_refused_is_no_reason_to_rest_while_questions_are_answered() -> None:
    condition = Condition(NOW)
    assert not condition.probed(NOW, 1, heard=True, refused=True)
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


def refusing(condition: Condition, now: float) -> None:
    """It refuses everything."""
    for _ in range(REFUSALS_TO_PROBE):
        condition.refused(now)
    condition.refuses_all = True
    condition.probed(now, 1, heard=True, refused=True)


def test_a_rest_of_each_kind_ends() -> None:
    """By an answer to a question or to a probe; in either order where there are two reasons."""
    silent, refused, both = conditions(3)
    silent.failed(NOW)
    assert silent.heard(NOW + 1, 0.01)
    assert not silent.resting
    assert silent.probe_at == NOW + 1 + IDLE
    refusing(refused, NOW)
    assert refused.resting
    assert not refused.heard(NOW + 1, 0.01), "it answers, and still refuses"
    assert refused.probe_at == NOW + FIRST_REST
    assert refused.answered(NOW + 2)
    assert not refused.resting
    assert refused.probe_at == NOW + 2 + IDLE
    both.failed(NOW)
    refusing(both, NOW)
    assert not both.answered(NOW + 1), "it is silent as well"
    assert both.resting
    assert both.heard(NOW + 2, 0.01)
    assert not both.resting
    both.failed(NOW + 3)
    refusing(both, NOW + 3)
    assert not both.heard(NOW + 4, 0.01), "it refuses as well"
    assert both.answered(NOW + 4)
    assert (both.resting, both.failures, both.refusals) == (False, 0, 0)


def test_a_rest_begins_once() -> None:
    condition = Condition(NOW)
    assert condition.failed(NOW)
    assert not condition.failed(NOW)
    assert not any(condition.refused(NOW) for _ in range(REFUSALS_TO_PROBE + 1)), "it is probed as it is"
    assert not condition.probed(NOW, 1, heard=True, refused=True)
    refused = Condition(NOW)
    told = [refused.refused(NOW) for _ in range(REFUSALS_TO_PROBE + 2)]
    assert told == [False] * (REFUSALS_TO_PROBE - 1) + [True, False, False]
    assert refused.probed(NOW, 1, heard=True, refused=True)
    assert not refused.probed(NOW, 2, heard=True, refused=True)
    assert not refused.failed(NOW), "it rests already"


def test_an_answer_that_came_when_the_question_went_out_is_no_answer_to_it() -> None:
    condition = Condition(NOW)
    condition.heard(NOW, 0.01)
    assert condition.silent(NOW, NOW + 0.4)
    other = Condition(NOW)
    other.heard(NOW + 0.2, 0.01)
    other.heard(NOW + 0.1, 0.01)
    assert not other.silent(NOW + 0.15, NOW + 0.6), "the latest answer counts, whatever the order"


@pytest.mark.parametrize(("after", "pause"), [(RELAPSE - 0.01, FIRST_REST), (RELAPSE, 0.0)])
def test_how_long_a_relapse_may_come_after(after: float, pause: float) -> None:
    condition = Condition(NOW)
    condition.failed(NOW - 1)
    condition.heard(NOW, 0.01)
    condition.failed(NOW + after)
    assert condition.probe_at == pytest.approx(NOW + after + pause)


def test_the_first_trouble_of_a_server_is_no_relapse_and_the_third_is_worse_than_the_second() -> None:
    condition = Condition(NOW)
    condition.failed(NOW)
    assert condition.probe_at == NOW, "at once"
    condition.failed(NOW + 5)
    assert condition.probe_at == NOW, "it is known already"


@pytest.mark.parametrize(
    ("unanswered", "pause"), [(0, IDLE), (1, 0.5), (2, 1.0), (7, LONGEST_REST), (40, LONGEST_REST)]
)
def test_when_a_resting_server_is_probed_next(unanswered: int, pause: float) -> None:
    condition = Condition(NOW)
    condition.failed(NOW)
    condition.probed(NOW, unanswered, heard=False)
    assert condition.probe_at == NOW + pause
    assert condition.failures == 1


def test_a_probe_that_nobody_answers_begins_a_rest_and_one_that_is_refused_does_not() -> None:
    silent, refused, busy = conditions(3)
    silent.probed(NOW, 1, heard=False)
    assert (silent.failures, silent.resting, silent.probe_at) == (1, True, NOW + FIRST_REST)
    refused.probed(NOW, 1, heard=True)
    assert (refused.resting, refused.probe_at) == (False, NOW + IDLE)
    busy.failed(NOW)
    busy.failed(NOW)
    busy.probed(NOW, 1, heard=False)
    assert busy.failures == 2


def test_a_resting_server_comes_behind_those_that_answer_however_slow() -> None:
    resting, slow, quick = all_three = conditions(3)
    resting.failed(NOW)
    for _ in range(100):
        slow.heard(NOW, 2.0)
        quick.heard(NOW, 0.01)
    assert order(all_three) == [2, 1, 0]
    looping = Condition(NOW)
    looping.looping = True
    looping.heard(NOW, 0.0001)
    assert order([looping, slow]) == [1], "its latency counts for nothing"


def test_servers_that_rest_have_no_part_in_what_is_slow() -> None:
    resting, slow = both = conditions(2)
    for _ in range(100):
        resting.heard(NOW, 0.01)
        slow.heard(NOW, 2.0)
    resting.failed(NOW)
    other = Condition(NOW)
    for _ in range(100):
        other.heard(NOW, 1.5)
    assert order([*both, other]) == [1, 2, 0]
