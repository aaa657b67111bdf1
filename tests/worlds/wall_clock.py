"""Plans minute by minute, from the rules of ``policy.schedule`` alone: a clock on the wall that is read each
minute, and slots that begin and end when it shows their times."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from filterd.model.slot import OneSlot, Slot
from filterd.policy.schedule import Moment, Timetable

DAY = 1440
"""minutes"""
MARGIN = 4 * DAY
"""minutes before and after the stretch that is looked at, so that slots at its ends are whole"""


@dataclass(frozen=True)
class WallClock:
    """A clock in a zone, read at every minute of a stretch and of its margins."""

    zone: str
    begin: int
    """of the stretch, Unix seconds"""
    minutes: int
    """of the stretch"""
    least: int
    """the least that it shows, in minutes since the year 1"""
    first: array[int]
    """by what the clock shows: the first minute at which it does; of what it skips, that of the change"""
    last: array[int]
    """the same, the last minute"""

    def interval(self, day: int, slot: Slot) -> tuple[int, int]:
        """The minutes of the stretch at which a slot of this day begins and ends."""
        end = slot.end if slot.end > slot.start else slot.end + DAY
        midnight = day * DAY - self.least
        return self.first[midnight + slot.start] - MARGIN, self.last[midnight + end] - MARGIN

    @property
    def days(self) -> range:
        """Those that a slot may begin on, as ordinals."""
        return range(self.least // DAY + 1, (self.least + len(self.first)) // DAY - 2)


@lru_cache(maxsize=64)
def wall_clock(zone: str, begin: int, minutes: int) -> WallClock:
    """Read a clock minute by minute."""
    shown = array("q", _shown(ZoneInfo(zone), begin - 60 * MARGIN, minutes + 2 * MARGIN))
    least, room = min(shown), max(shown) - min(shown) + 1
    first, last = array("q", [-1]) * room, array("q", [-1]) * room
    for minute, wall in enumerate(shown):
        if first[wall - least] < 0:
            first[wall - least] = minute
        last[wall - least] = minute
    for wall in range(room - 2, -1, -1):
        if first[wall] < 0:
            first[wall] = last[wall] = first[wall + 1]
    return WallClock(zone, begin, minutes, least, first, last)


def _shown(clock: ZoneInfo, start: int, count: int) -> Iterator[int]:
    for minute in range(count):
        wall = datetime.fromtimestamp(start + 60 * minute, clock)
        yield wall.toordinal() * DAY + wall.hour * 60 + wall.minute


def states(
    clock: WallClock, plan: Sequence[Slot], holidays: Collection[str], once: Sequence[OneSlot]
) -> list[Moment]:
    """The restrictions at every minute of the clock's stretch."""
    changes: defaultdict[int, list[tuple[Slot | OneSlot, bool]]] = defaultdict(list)
    off = {date.fromisoformat(day).toordinal() for day in holidays}
    found = [
        (slot, *clock.interval(day, slot))
        for day in clock.days
        if day not in off
        for slot in plan
        if date.fromordinal(day).weekday() in slot.days
    ]
    stretches: list[tuple[Slot | OneSlot, int, int]] = [
        *found,
        *((slot, (slot.begin - clock.begin) // 60, (slot.end - clock.begin) // 60) for slot in once),
    ]
    for slot, begin, end in stretches:
        if begin < end:
            changes[max(begin, 0)].append((slot, True))
            changes[max(end, 0)].append((slot, False))
    return list(_minutes(changes, clock.minutes))


def _minutes(changes: dict[int, list[tuple[Slot | OneSlot, bool]]], minutes: int) -> Iterator[Moment]:
    active: list[Slot | OneSlot] = []
    moment = Moment()
    for minute in range(minutes):
        if minute in changes:
            for slot, begins in changes[minute]:
                if begins:
                    active.append(slot)
            for slot, begins in changes[minute]:
                if not begins:
                    active.remove(slot)
            moment = together(active)
        yield moment


def together(active: Sequence[Slot | OneSlot]) -> Moment:
    """The restrictions of slots at once: all that one of them closes, and open what each leaves."""
    leaving = [set(slot.leaves) for slot in active if slot.leaves is not None]
    return Moment(
        any(slot.everything for slot in active),
        frozenset(each for slot in active for each in slot.categories),
        frozenset(each for slot in active for each in slot.services),
        frozenset(set.intersection(*leaving)) if leaving else None,
    )


def walked(clock: WallClock, timetable: Timetable) -> list[Moment]:
    """The restrictions at every minute of the clock's stretch, as the boundaries of a timetable tell them."""
    found: list[Moment] = []
    now = clock.begin
    while len(found) < clock.minutes:
        moment, boundary = timetable.at(clock.zone, now)
        until = (boundary - clock.begin) // 60 if boundary else clock.minutes
        assert not boundary or (boundary > now and boundary % 60 == 0)
        found += [moment] * (min(until, clock.minutes) - len(found))
        now = boundary
    return found
