"""Weekly plans of lines with holidays and stretches that come once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.model.slot import OneSlot, Slot
from filterd.policy import schedule
from filterd.policy.schedule import Moment, Timetable, next_boundary, state_at
from tests.worlds.examples import examples
from tests.worlds.wall_clock import states, walked, wall_clock

MEXICO = "America/Mexico_City"
EVERY_DAY = tuple(range(7))
NIGHT = Slot(EVERY_DAY, 21 * 60, 7 * 60, everything=True)
ALWAYS = Slot(EVERY_DAY, 0, 1440, everything=True)


def at(text: str, zone: str = MEXICO) -> int:
    """Unix seconds of a wall-clock time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def test_on_a_holiday_no_slot_begins_and_the_one_of_the_day_before_ends() -> None:
    timetable = Timetable.of([NIGHT], ("2026-12-25",))
    eve, morning = at("2026-12-24T22:00"), at("2026-12-25T07:00")
    assert timetable.at(MEXICO, eve) == (Moment(everything=True), morning)
    assert timetable.at(MEXICO, morning) == (Moment(), at("2026-12-26T21:00"))
    assert not state_at([NIGHT], MEXICO, at("2026-12-25T22:00"), holidays=["2026-12-25"]).everything
    assert next_boundary([NIGHT], MEXICO, morning, holidays=["2026-12-25"]) == at("2026-12-26T21:00")


def test_a_stretch_that_comes_once_heeds_no_holiday() -> None:
    once = OneSlot(at("2026-12-25T16:20"), at("2026-12-25T18:00"), categories=("games",))
    timetable = Timetable.of([NIGHT], ("2026-12-25",), (once,))
    assert timetable.at(MEXICO, at("2026-12-25T07:00")) == (Moment(), once.begin)
    assert timetable.at(MEXICO, once.begin) == (Moment(categories=frozenset({"games"})), once.end)
    assert timetable.at(MEXICO, once.end) == (Moment(), at("2026-12-26T21:00"))


def test_what_comes_once_needs_no_week() -> None:
    first, second = OneSlot(1000, 2000, everything=True), OneSlot(2000, 3000, everything=True)
    boundaries = [next_boundary([], "UTC", now, once=(first, second)) for now in (0, 1000, 2500, 3000)]
    assert boundaries == [1000, 3000, 3000, 0], "two that meet have no boundary between them"
    assert state_at([], "UTC", 1999, once=(first,)).everything
    assert next_boundary([], "UTC", 0, once=(OneSlot(5, 5, everything=True), OneSlot(7, 9))) == 0


def test_a_change_too_far_away_is_looked_for_again() -> None:
    """A plan without a pause has its first one on a holiday in half a year."""
    timetable = Timetable.of([ALWAYS], ("2027-05-10",))
    now, looks = at("2026-11-24T12:00"), 0
    while timetable.at(MEXICO, now)[0].everything:
        now, looks = timetable.at(MEXICO, now)[1], looks + 1
    assert now == at("2027-05-10T00:00")
    assert 5 < looks < 20
    assert timetable.at(MEXICO, now)[1] == at("2027-05-11T00:00")
    assert timetable.at(MEXICO, at("2027-05-11T00:00")) == (Moment(everything=True), 0)


def test_a_stretch_far_away_is_looked_at_when_it_begins() -> None:
    once = OneSlot(at("2027-05-10T16:00"), at("2027-05-10T18:00"), categories=("games",))
    timetable = Timetable.of([ALWAYS], once=(once,))
    assert timetable.at(MEXICO, at("2026-11-24T12:00")) == (Moment(everything=True), once.begin)
    assert timetable.at(MEXICO, once.begin)[0].categories == {"games"}
    assert timetable.at(MEXICO, once.begin)[1] == once.end


def test_equal_closings_are_kept_once() -> None:
    """Lines with other plans share what these close."""
    plans = [Timetable.of([NIGHT, Slot((day,), 60 * day, 1200, everything=True)]) for day in range(7)]
    assert len({id(each.closings) for each in plans}) == 1
    assert plans[0].closings == (Moment(everything=True),)
    assert not Timetable.of([Slot((1,), 0, 60), Slot((), 0, 60, everything=True)]), "they close nothing"


@pytest.mark.parametrize(
    ("days", "start", "end"),
    [((7,), 0, 60), ((-1,), 0, 60), ((1,), -1, 60), ((1,), 0, 1441), ((1,), 1441, 0)],
)
def test_a_slot_that_cannot_be(days: tuple[int, ...], start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no such slot"):
        Timetable.of([Slot(days, start, end, everything=True)])


def test_slots_that_overlap_are_not_compared_with_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes while one of 50 is in effect, on every day: a line could have such a plan."""
    plan = [Slot(EVERY_DAY, (29 * n) % 1440, (29 * n + 1439) % 1440, everything=True) for n in range(50)]
    bits_at, calls = schedule._bits_at, list[int]()

    def counted(stretches: Iterable[schedule.Stretch], moment: int) -> int:
        calls.append(moment)
        return bits_at(stretches, moment)

    monkeypatch.setattr(schedule, "_bits_at", counted)
    moment, boundary = Timetable.of(plan, ("2027-05-10",)).at(MEXICO, at("2026-11-24T12:00"))
    assert moment.everything
    assert boundary > at("2026-12-10T00:00")
    assert len(calls) <= 6


def test_the_order_of_slots_means_nothing() -> None:
    plan = [NIGHT, Slot((1, 2), 8 * 60, 22 * 60, services=("chat",)), Slot((2,), 600, 660, everything=True)]
    for now in range(at("2026-11-23T00:00"), at("2026-11-27T00:00"), 1800):
        found = {
            (state_at(each, MEXICO, now), next_boundary(each, MEXICO, now)) for each in (plan, plan[::-1])
        }
        assert len(found) == 1


WEEKS = 5
CHANGES = {
    "America/Mexico_City": ("2026-03-20", "2026-10-10"),
    "America/Tijuana": ("2026-02-20", "2026-10-15"),
    "Europe/Madrid": ("2026-03-10", "2027-10-10"),
    "Australia/Lord_Howe": ("2026-03-20", "2027-09-15"),
    "Asia/Kathmandu": ("2026-12-20", "2026-02-01"),
    "Africa/Casablanca": ("2026-02-05", "2026-03-10"),
    "America/Santiago": ("2026-03-20", "2026-08-25"),
    "Asia/Beirut": ("2026-03-15", "2026-10-10"),
}
"""beginnings of weeks in which a clock is moved, if the zone has such"""
stretches = st.sampled_from([(zone, day) for zone, days in CHANGES.items() for day in days])
closed = st.fixed_dictionaries(
    {
        "everything": st.booleans(),
        "categories": st.sampled_from([(), ("games",), ("games", "social")]),
        "services": st.sampled_from([(), ("chat",), ("chat", "video")]),
        "leaves": st.sampled_from([None, (), ("banks",), ("banks", "school")]),
    }
)
minutes = st.one_of(st.integers(0, 1439), st.integers(0, 200), st.integers(1380, 1439))
slots = st.builds(
    lambda days, start, end, closing: Slot(tuple(sorted(days)), start, end, **closing),
    st.sets(st.integers(0, 6)),
    minutes,
    st.one_of(minutes, st.just(1440)),
    closed,
)
offsets = st.integers(-2000, (WEEKS + 1) * 7 * 1440)


@settings(max_examples=examples(50), deadline=None)
@given(
    stretches,
    st.lists(slots, max_size=6),
    st.sets(st.integers(-3, WEEKS * 7 + 3), max_size=5),
    st.lists(st.tuples(offsets, offsets, closed), max_size=3),
)
def test_any_plan_in_weeks_with_a_change_of_the_clock(
    stretch: tuple[str, str],
    plan: list[Slot],
    off: set[int],
    once: list[tuple[int, int, dict[str, object]]],
) -> None:
    zone, first = stretch
    begin = int(datetime.fromisoformat(first).replace(tzinfo=UTC).timestamp())
    clock = wall_clock(zone, begin, WEEKS * 7 * 1440)
    holidays = sorted(datetime.fromtimestamp(begin + day * 86_400, UTC).date().isoformat() for day in off)
    come = [
        OneSlot(begin + 60 * min(one, other), begin + 60 * max(one, other), **closing)  # type: ignore[arg-type]  # values of one strategy
        for one, other, closing in once
    ]
    assert walked(clock, Timetable.of(plan, holidays, come)) == states(clock, plan, holidays, come)
