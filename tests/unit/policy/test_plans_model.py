"""Plans of lines against a clock on the wall that is read every minute."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from filterd.model.slot import OneSlot, Slot
from filterd.policy.schedule import Timetable
from tests.worlds.wall_clock import states, walked, wall_clock

ZONES = (
    "America/Mexico_City",
    "America/Tijuana",
    "Europe/Madrid",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
)
BEGIN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
YEARS = 2 * 365 * 1440
EVERY_DAY = tuple(range(7))
PLAN = (
    Slot((6, 0, 1, 2, 3), 21 * 60, 6 * 60 + 30, everything=True, leaves=("banks", "school")),
    Slot((4, 5), 23 * 60 + 15, 9 * 60, everything=True),
    Slot((0, 1, 2, 3, 4), 8 * 60, 14 * 60, categories=("games",), services=("video",)),
    Slot((0, 2, 4), 13 * 60, 15 * 60, categories=("games", "social")),
    Slot((5, 6), 90, 150, services=("chat",)),
    Slot((6,), 120, 150, categories=("dating",)),
    Slot((6,), 105, 119, services=("music",)),
    Slot((5,), 0, 1440, services=("store",)),
    Slot((2,), 720, 720, categories=("betting",)),
    Slot(EVERY_DAY, 0, 1, everything=True, leaves=("banks",)),
)
"""several a day, across midnight, whole days, and in the hours that clocks skip and repeat"""
HOLIDAYS = ("2026-03-08", "2026-03-28", "2026-04-04", "2026-12-25", "2027-01-01", "2027-01-02", "2027-10-31")
ONCE = (
    OneSlot(BEGIN + 90 * 86_400, BEGIN + 97 * 86_400 + 600, everything=True, leaves=()),
    OneSlot(BEGIN + 400 * 86_400 + 60, BEGIN + 400 * 86_400 + 3660, services=("chat", "video")),
)


@pytest.mark.ring("night")
@pytest.mark.parametrize("zone", ZONES)
def test_every_minute_of_two_years(zone: str) -> None:
    clock = wall_clock(zone, BEGIN, YEARS)
    for holidays, once in (((), ()), (HOLIDAYS, ONCE)):
        wanted = states(clock, PLAN, holidays, once)
        assert len(set(wanted)) > 12
        assert walked(clock, Timetable.of(PLAN, holidays, once)) == wanted
