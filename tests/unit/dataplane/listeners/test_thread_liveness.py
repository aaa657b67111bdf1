"""What counts as a sign of life of a thread, and of TCP."""

from __future__ import annotations

import pytest

from filterd.dataplane.listeners.selfcheck import TcpLiveness
from filterd.dataplane.listeners.silence import Silence
from filterd.dataplane.listeners.thread_liveness import STUCK_SECONDS, Signs, ThreadLiveness

TURNS = int(STUCK_SECONDS)
ANSWERED = Signs(asked=True, answered=True, turned=True, crowded=False)


def judged(*, heard: bool, signs: Signs, turns: int = TURNS) -> ThreadLiveness:
    """After so many seconds of the same; ``heard``: it answered once before."""
    thread = ThreadLiveness()
    now = 50.0
    if heard:
        thread.judge(ANSWERED, now)
    for _ in range(turns + 1):
        thread.judge(signs, now)
        now += 1.0
    return thread


@pytest.mark.parametrize(
    ("heard", "signs", "stuck"),
    [
        (True, Signs(asked=True, answered=True, turned=True, crowded=False), False),
        (True, Signs(asked=True, answered=False, turned=True, crowded=False), True),
        (True, Signs(asked=True, answered=False, turned=False, crowded=False), True),
        (True, Signs(asked=True, answered=False, turned=True, crowded=True), False),
        (True, Signs(asked=False, answered=False, turned=True, crowded=False), False),
        (True, Signs(asked=False, answered=False, turned=False, crowded=False), True),
        (False, Signs(asked=True, answered=False, turned=True, crowded=False), False),
        (False, Signs(asked=True, answered=False, turned=False, crowded=False), True),
    ],
)
def test_what_is_silence(heard: bool, signs: Signs, stuck: bool) -> None:
    assert judged(heard=heard, signs=signs).stuck is stuck
    assert not judged(heard=heard, signs=signs, turns=TURNS - 1).stuck


def test_it_lives_from_its_first_sign_on() -> None:
    assert not ThreadLiveness().lives
    assert not judged(heard=False, signs=Signs(True, False, False, False), turns=1).lives
    assert judged(heard=False, signs=Signs(False, False, True, False), turns=1).lives


def test_an_answer_ends_it() -> None:
    thread = judged(heard=True, signs=Signs(True, False, True, False))
    assert thread.stuck
    thread.judge(ANSWERED, 100.0)
    assert not thread.stuck


def test_tcp_is_stuck_where_nothing_at_all_happens() -> None:
    for asked, activity, stuck in ((True, 0, True), (False, 0, False), (True, 1, False)):
        thread = TcpLiveness()
        thread.asked = asked
        for now in range(TURNS + 1):
            thread.judge(False, now * activity, float(now))
        assert thread.stuck is stuck
        thread.judge(True, TURNS * activity, TURNS + 1.0)
        assert not thread.stuck


def test_a_turn_adds_the_time_of_two_at_most() -> None:
    silence = Silence(1.0)
    assert [silence.advance(now) for now in (10.0, 11.0, 500.0, 499.0, 500.5)] == [0.0, 1.0, 3.0, 3.0, 4.5]
    silence.heard()
    assert silence.advance(501.0) == 0.5
