"""Which upstreams are asked first."""

from __future__ import annotations

from filterd.dataplane.upstream.health import Health


def fail(health: Health, server: int, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        health.asking(server, now)
        health.failed(server, now)


def test_servers_are_asked_in_their_order() -> None:
    assert Health(3).order(0.0) == [0, 1, 2]


def test_a_server_rests_after_three_failures_in_a_row() -> None:
    health = Health(2)
    fail(health, 0, 2)
    assert health.order(0.0) == [0, 1]
    health.answered(0)
    fail(health, 0, 2)
    assert health.order(0.0) == [0, 1]
    fail(health, 0, 1)
    assert health.order(0.9) == [1, 0]
    assert health.resting(0.9) == 1
    assert health.order(1.0) == [0, 1]


def test_one_question_tries_a_server_whose_rest_is_over() -> None:
    health = Health(2)
    fail(health, 0, 3)
    assert health.order(1.0) == [0, 1]
    health.asking(0, 1.0)
    assert health.order(1.0) == [1, 0]
    health.answered(0)
    assert health.order(1.0) == [0, 1]
    assert health.resting(1.0) == 0


def test_the_rest_doubles_up_to_half_a_minute() -> None:
    health = Health(2)
    now = 0.0
    rests = []
    for failures in range(3, 12):
        fail(health, 0, 3 if failures == 3 else 1, now)
        rest = next(seconds for seconds in range(1, 100) if health.order(now + seconds) == [0, 1])
        rests.append(rest)
        now += rest
    assert rests == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_when_all_rest_the_first_to_wake_is_asked_first() -> None:
    health = Health(3)
    fail(health, 0, 5)
    fail(health, 1, 3, now=0.5)
    fail(health, 2, 4)
    assert health.order(0.6) == [1, 2, 0]
