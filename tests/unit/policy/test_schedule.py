"""Weekly schedules: slots, midnight, boundaries, zones and clocks that are moved."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.model.slot import Slot
from filterd.policy.schedule import Moment, UnknownZoneError, next_boundary, state_at
from tests.worlds.examples import examples

MEXICO = "America/Mexico_City"
NEW_YORK = "America/New_York"
EVERY_DAY = tuple(range(7))
SCHOOL_NIGHTS = (6, 0, 1, 2, 3)
NIGHT = Slot(EVERY_DAY, 21 * 60, 7 * 60, everything=True)
GAMES = Slot((0, 1, 2, 3, 4), 8 * 60, 14 * 60, categories=("games",))


def at(text: str, zone: str = MEXICO, *, fold: int = 0) -> int:
    """Unix seconds of a wall-clock time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def blocked(slot: Slot, text: str, zone: str = MEXICO, *, fold: int = 0) -> bool:
    """True if the slot is in effect at a wall-clock time."""
    return state_at([slot], zone, at(text, zone, fold=fold)) != Moment()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T20:59:59", False),
        ("2026-11-24T21:00:00", True),
        ("2026-11-24T23:59:59", True),
        ("2026-11-25T00:00:00", True),
        ("2026-11-25T06:59:59", True),
        ("2026-11-25T07:00:00", False),
    ],
)
def test_overnight(text: str, expected: bool) -> None:
    assert blocked(NIGHT, text) is expected


def test_an_overnight_slot_belongs_to_the_day_on_which_it_begins() -> None:
    slot = Slot(SCHOOL_NIGHTS, 21 * 60, 7 * 60, everything=True)
    assert blocked(slot, "2026-11-27T06:00:00")  # Friday morning: Thursday's
    assert not blocked(slot, "2026-11-27T22:00:00")  # Friday night
    assert not blocked(slot, "2026-11-28T06:00:00")  # Saturday morning
    assert blocked(slot, "2026-11-29T21:00:00")  # Sunday night


@pytest.mark.parametrize(
    ("slot", "text", "expected"),
    [
        (Slot((1,), 0, 1440, everything=True), "2026-11-24T00:00:00", True),
        (Slot((1,), 0, 1440, everything=True), "2026-11-24T23:59:59", True),
        (Slot((1,), 0, 1440, everything=True), "2026-11-25T00:00:00", False),
        (Slot((1,), 720, 720, everything=True), "2026-11-24T11:59:59", False),
        (Slot((1,), 720, 720, everything=True), "2026-11-25T11:59:59", True),
        (Slot((1,), 720, 720, everything=True), "2026-11-25T12:00:00", False),
        (Slot((1,), 1380, 0, everything=True), "2026-11-24T23:30:00", True),
        (Slot((1,), 1380, 0, everything=True), "2026-11-25T00:00:00", False),
    ],
)
def test_edges_of_the_day(slot: Slot, text: str, expected: bool) -> None:
    assert blocked(slot, text) is expected


def test_several_slots_a_day_add_up() -> None:
    schedule = [
        GAMES,
        Slot((1,), 12 * 60, 13 * 60, categories=("social", "dating")),
        Slot((1,), 12 * 60 + 30, 12 * 60 + 45, everything=True),
    ]
    assert state_at(schedule, MEXICO, at("2026-11-24T11:00")) == Moment(False, frozenset({"games"}))
    noon = frozenset({"games", "social", "dating"})
    assert state_at(schedule, MEXICO, at("2026-11-24T12:00")) == Moment(False, noon)
    assert state_at(schedule, MEXICO, at("2026-11-24T12:30")) == Moment(True, noon)
    assert state_at(schedule, MEXICO, at("2026-11-24T14:00")) == Moment()
    moments = [at("2026-11-24T00:00")]
    for _ in range(7):
        moments.append(next_boundary(schedule, MEXICO, moments[-1]))
    expected = ["08:00", "12:00", "12:30", "12:45", "13:00", "14:00"]
    assert moments[1:7] == [at(f"2026-11-24T{time}") for time in expected]
    assert moments[7] == at("2026-11-25T08:00")


@pytest.mark.parametrize(
    ("leaves", "left"),
    [
        ([None], None),
        ([None, None], None),
        ([("messaging", "banks")], {"messaging", "banks"}),
        ([None, ("banks",)], {"banks"}),
        ([("messaging", "banks"), ("banks", "school")], {"banks"}),
        ([("messaging",), ("school",)], set()),
        ([(), None], set()),
    ],
)
def test_slots_at_once_leave_open_what_each_of_them_leaves(
    leaves: list[tuple[str, ...] | None], left: set[str] | None
) -> None:
    nights = [Slot(EVERY_DAY, 1260, 360, everything=True, leaves=each) for each in leaves]
    found = state_at([*nights, Slot((1,), 1260, 1440, services=("chat",))], MEXICO, at("2026-11-24T22:00"))
    wanted = None if left is None else frozenset(left)
    assert found == Moment(True, services=frozenset({"chat"}), leaves=wanted)


def test_a_slot_that_takes_a_group_away_begins_in_the_middle_of_another() -> None:
    schedule = [NIGHT, Slot(EVERY_DAY, 23 * 60, 5 * 60, everything=True, leaves=("medical",))]
    evening, late = at("2026-11-24T21:00"), at("2026-11-24T23:00")
    assert state_at(schedule, MEXICO, evening) == Moment(True)
    assert next_boundary(schedule, MEXICO, evening) == late
    assert state_at(schedule, MEXICO, late).leaves == frozenset({"medical"})
    assert next_boundary(schedule, MEXICO, late) == at("2026-11-25T05:00")


def test_slots_that_meet_have_no_boundary_between_them() -> None:
    schedule = [Slot((1,), 1200, 1440, everything=True), Slot((2,), 0, 360, everything=True)]
    assert next_boundary(schedule, MEXICO, at("2026-11-24T20:00")) == at("2026-11-25T06:00")


def test_no_boundary() -> None:
    assert next_boundary([], MEXICO, at("2026-11-24T20:00")) == 0
    always = [Slot(EVERY_DAY, 0, 1440, everything=True)]
    assert next_boundary(always, MEXICO, at("2026-11-24T20:00")) == 0
    assert state_at(always, MEXICO, at("2026-11-24T20:00")) == Moment(everything=True)
    assert next_boundary([Slot((), 0, 60, everything=True)], MEXICO, at("2026-11-24T20:00")) == 0


def test_zones_have_clocks_of_their_own() -> None:
    now = at("2026-11-24T21:30", MEXICO)
    assert state_at([NIGHT], MEXICO, now).everything
    assert not state_at([NIGHT], "America/Tijuana", now).everything
    assert state_at([NIGHT], "America/Cancun", now).everything
    assert next_boundary([NIGHT], "America/Tijuana", now) == at("2026-11-24T21:00", "America/Tijuana")


def test_an_unknown_zone() -> None:
    for zone in ("Mars/Olympus", "", "../etc/passwd", "a\0b"):
        with pytest.raises(UnknownZoneError, match="unknown time zone"):
            state_at([NIGHT], zone, 0)


class TestClockChanges:
    """New York in 2026: 2:00 becomes 3:00 on 8 March, 2:00 becomes 1:00 on 1 November."""

    def test_a_night_with_an_hour_less(self) -> None:
        start, end = at("2026-03-07T21:00", NEW_YORK), at("2026-03-08T07:00", NEW_YORK)
        assert end - start == 9 * 3600
        assert next_boundary([NIGHT], NEW_YORK, start) == end

    def test_a_night_with_an_hour_more(self) -> None:
        start, end = at("2026-10-31T21:00", NEW_YORK), at("2026-11-01T07:00", NEW_YORK)
        assert end - start == 11 * 3600
        assert next_boundary([NIGHT], NEW_YORK, start) == end

    def test_a_start_that_the_clock_skips(self) -> None:
        slot = Slot((6,), 150, 300, everything=True)
        change = at("2026-03-08T03:00", NEW_YORK)
        assert not state_at([slot], NEW_YORK, change - 1).everything
        assert state_at([slot], NEW_YORK, change).everything
        assert next_boundary([slot], NEW_YORK, change) == at("2026-03-08T05:00", NEW_YORK)

    def test_an_end_that_the_clock_skips(self) -> None:
        slot = Slot((6,), 60, 150, everything=True)
        change = at("2026-03-08T03:00", NEW_YORK)
        assert next_boundary([slot], NEW_YORK, at("2026-03-08T01:00", NEW_YORK)) == change

    def test_a_slot_that_the_clock_skips(self) -> None:
        slot = Slot((6,), 120, 150, everything=True)
        before = at("2026-03-08T01:59:59", NEW_YORK)
        assert next_boundary([slot], NEW_YORK, before) == at("2026-03-15T02:00", NEW_YORK)
        assert not state_at([slot], NEW_YORK, before + 1).everything

    def test_an_end_in_the_repeated_hour_is_the_second_one(self) -> None:
        slot = Slot((5,), 21 * 60, 90, everything=True)
        first, second = (at("2026-11-01T01:30", NEW_YORK, fold=fold) for fold in (0, 1))
        assert second - first == 3600
        assert next_boundary([slot], NEW_YORK, at("2026-10-31T21:00", NEW_YORK)) == second
        assert state_at([slot], NEW_YORK, first + 60).everything

    def test_a_start_in_the_repeated_hour_is_the_first_one(self) -> None:
        slot = Slot((6,), 90, 240, everything=True)
        first = at("2026-11-01T01:30", NEW_YORK)
        assert next_boundary([slot], NEW_YORK, first - 1) == first
        assert next_boundary([slot], NEW_YORK, first) == at("2026-11-01T04:00", NEW_YORK)

    def test_a_day_that_a_zone_skips(self) -> None:
        """Apia went from 29 to 31 December 2011: Friday's night begins in the skipped day."""
        slot = Slot((4,), 21 * 60, 6 * 60, everything=True)
        midnight = at("2011-12-31T00:00", "Pacific/Apia")
        assert next_boundary([slot], "Pacific/Apia", midnight - 1) == midnight
        assert next_boundary([slot], "Pacific/Apia", midnight) == at("2011-12-31T06:00", "Pacific/Apia")

    def test_half_an_hour_is_a_change_too(self) -> None:
        """Lord Howe falls back by 30 minutes on 5 April 2026, 2:00 to 1:30."""
        slot = Slot((6,), 60, 100, everything=True)
        end = at("2026-04-05T01:40", "Australia/Lord_Howe", fold=1)
        start = at("2026-04-05T01:00", "Australia/Lord_Howe")
        assert end - start == 70 * 60
        assert next_boundary([slot], "Australia/Lord_Howe", start) == end


slots = st.builds(
    Slot,
    days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    start=st.integers(0, 95).map(lambda quarter: quarter * 15),
    end=st.integers(0, 96).map(lambda quarter: quarter * 15),
    everything=st.booleans(),
    categories=st.sampled_from([("games",), ("games", "social")]),
    services=st.sampled_from([(), ("chat",), ("chat", "video")]),
    leaves=st.sampled_from([None, (), ("messaging",), ("messaging", "banks")]),
)
zones = st.sampled_from([MEXICO, NEW_YORK, "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "UTC"])


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(slots, min_size=1, max_size=4), zones, st.integers(1_735_689_600, 1_830_297_600))
def test_the_state_holds_until_the_boundary_and_changes_there(
    schedule: list[Slot], zone: str, now: int
) -> None:
    state = state_at(schedule, zone, now)
    boundary = next_boundary(schedule, zone, now)
    if boundary:
        assert boundary > now
        assert state_at(schedule, zone, boundary) != state
    last = boundary - 1 if boundary else now + 8 * 86400
    for step in range(20):
        assert state_at(schedule, zone, now + (last - now) * step // 19) == state


@settings(max_examples=examples(50), deadline=None)
@given(slots, zones, st.integers(1_735_689_600, 1_830_297_600))
def test_the_state_is_what_the_clock_on_the_wall_says(slot: Slot, zone: str, now: int) -> None:
    """Away from clock changes: the time of day and the weekday decide."""
    wall = datetime.fromtimestamp(now, ZoneInfo(zone))
    offsets = {
        datetime.fromtimestamp(now + hours * 3600, ZoneInfo(zone)).utcoffset() for hours in range(-50, 51)
    }
    if len(offsets) > 1:
        return
    minute, today, yesterday = wall.hour * 60 + wall.minute, wall.weekday(), (wall.weekday() - 1) % 7
    if slot.end > slot.start:
        expected = today in slot.days and slot.start <= minute < slot.end
    else:
        expected = (today in slot.days and minute >= slot.start) or (
            yesterday in slot.days and minute < slot.end
        )
    assert (state_at([slot], zone, now) != Moment()) is expected
