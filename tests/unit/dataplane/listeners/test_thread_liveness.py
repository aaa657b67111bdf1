"""What counts as a sign of life of a thread, and of TCP."""

from __future__ import annotations

import pytest

from filterd.dataplane.listeners.selfcheck import TcpLiveness
from filterd.dataplane.listeners.silence import Silence
from filterd.dataplane.listeners.thread_liveness import STUCK_SECONDS, Signs, ThreadLiveness

LOOKS = int(STUCK_SECONDS)
ANSWERED = Signs(asked=True, answered=True, turned=True, crowded=False)


def looked(*, heard: bool, signs: Signs, looks: int = LOOKS) -> ThreadLiveness:
    """After so many seconds of the same; ``heard``: it answered once before."""
    liveness = ThreadLiveness()
    now = 50.0
    if heard:
        liveness.look(ANSWERED, now)
    for _ in range(looks + 1):
        liveness.look(signs, now)
        now += 1.0
    return liveness


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
    assert looked(heard=heard, signs=signs).stuck is stuck
    assert not looked(heard=heard, signs=signs, looks=LOOKS - 1).stuck


def test_it_lives_from_its_first_sign_on() -> None:
    assert not ThreadLiveness().lives
    assert not looked(heard=False, signs=Signs(True, False, False, False), looks=1).lives
    assert looked(heard=False, signs=Signs(False, False, True, False), looks=1).lives


def test_an_answer_ends_it() -> None:
    liveness = looked(heard=True, signs=Signs(True, False, True, False))
    assert liveness.stuck
    liveness.look(ANSWERED, 100.0)
    assert not liveness.stuck


def test_tcp_is_stuck_where_nothing_at_all_happens() -> None:
    for asked, activity, stuck in ((True, 0, True), (False, 0, False), (True, 1, False)):
        liveness = TcpLiveness()
        liveness.asked = asked
        for now in range(LOOKS + 1):
            liveness.look(False, now * activity, float(now))
        assert liveness.stuck is stuck
        liveness.look(True, LOOKS * activity, LOOKS + 1.0)
        assert not liveness.stuck


def test_a_look_adds_two_looks_time_at_most() -> None:
    silence = Silence(1.0)
    assert [silence.look(now) for now in (10.0, 11.0, 500.0, 499.0, 500.5)] == [0.0, 1.0, 3.0, 3.0, 4.5]
    silence.heard()
    assert silence.look(501.0) == 0.5
