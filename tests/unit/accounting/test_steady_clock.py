"""Steps of the machine's clock change no order of messages."""

from __future__ import annotations

from filterd.accounting.steady_clock import SteadyClock


def test_a_step_of_the_wall_clock_is_not_seen() -> None:
    wall, passed = [1_700_000_000.0], [50.0]
    clock = SteadyClock(lambda: wall[0], lambda: passed[0])
    assert clock() == 1_700_000_000
    wall[0] += 86_400
    passed[0] += 7
    assert clock() == 1_700_000_007
