"""How RADIUS is heard of: the silence since the last accepted packet, and how old confirmations are."""

from __future__ import annotations

import pytest

from filterd.model.session import SessionSource
from filterd.serve.sessions.hearing import FEWEST_SESSIONS, SAMPLE_LOOKS, RadiusHearing
from filterd.wire.session_stream import SessionEntry

STALE = 7200


class Ages:
    """A table whose sessions were confirmed so many seconds ago."""

    stale_after = STALE

    def __init__(self, ages: list[int], source: SessionSource = SessionSource.RADIUS) -> None:
        self.entries = [SessionEntry(bytes(16), 128, 1, STALE - age, source=source) for age in ages]
        self.asked: list[int] = []

    def full(self, cursor: int, most: int, *, unregistered: bool = False) -> tuple[int, bytes]:
        assert unregistered
        self.asked.append(cursor)
        some = self.entries[cursor : cursor + most]
        behind = cursor + len(some)
        return behind if behind < len(self.entries) else 0, b"".join(each.to_bytes() for each in some)


def within(ages: list[int], source: SessionSource = SessionSource.RADIUS) -> float:
    hearing = RadiusHearing(Ages(ages, source), lambda: 0.0)
    hearing.look(1)
    return hearing.within


@pytest.mark.parametrize("interval", [600, 1800, 3600])
def test_the_interval_shows_in_the_ages_of_confirmations(interval: int) -> None:
    online = list(range(0, interval, 6))
    assert within(online) == pytest.approx(0.9 * interval, abs=10)
    ended_without_a_word = [STALE - 1] * (len(online) // 20)
    assert within(online + ended_without_a_word) == pytest.approx(0.95 * interval, abs=20)


def test_too_few_sessions_and_those_of_other_sources_say_nothing() -> None:
    assert within([3600] * (FEWEST_SESSIONS - 1)) == 0
    assert within([3600] * FEWEST_SESSIONS) == 3600
    assert within([3600] * 100, SessionSource.LEASE) == 0


def test_a_large_table_is_looked_at_part_by_part() -> None:
    table = Ages([100] * 5000)
    hearing = RadiusHearing(table, lambda: 0.0)
    for _ in range(2 * SAMPLE_LOOKS + 1):
        hearing.look(0)
    assert table.asked == [0, 1024, 2048, 3072, 4096]


def test_silence_is_the_time_since_the_last_accepted_packet() -> None:
    now = 100.0
    hearing = RadiusHearing(Ages([]), lambda: now)
    now += 50
    assert hearing.silence == 50
    hearing.look(3)
    now += 7
    hearing.look(3)
    assert hearing.silence == 7
