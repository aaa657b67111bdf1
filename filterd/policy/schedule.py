"""Schedules: the restrictions that a moment adds to a profile, and their next change, in Unix seconds.

A slot is a stretch of wall-clock time, and a clock that is moved does not tear it apart:

- where the clock springs forward, a start or end that is skipped falls on the moment of the change; a slot
  that lies wholly in the skipped hour is empty on that day;
- where the clock falls back, a slot begins at the first of two equal wall-clock times and ends at the second,
  so that nothing opens for an hour in between.

A holiday is a day on which no weekly slot begins; one that began on the day before goes on to its end.
Stretches that come once do not heed holidays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from struct import Struct
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from filterd.model.slot import OneSlot, Slot

_LOOKS = (2, 9, 18)
"""days looked ahead, as long as no change is found: each slot recurs within 7, and once more in case that a
clock change swallows one; the last day of a look only completes the days before it"""
_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_WEEK = frozenset(range(7))
_WEEKLY = Struct("<BHHH")
"""weekdays (bit 0 is Monday), start and end in minutes after midnight, the place of what it closes"""


class UnknownZoneError(ValueError):
    """No such IANA time zone; the message names it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The restrictions of a schedule at one moment."""

    everything: bool = False
    """all but the always-allowed names are blocked"""
    categories: frozenset[str] = frozenset()
    """blocked in addition to the profile's"""
    services: frozenset[str] = frozenset()
    leaves: frozenset[str] | None = None
    """of everything: the groups of always-allowed names that all slots leave open; None: every group"""


OPEN = Moment()
"""nothing is added"""
Stretch = tuple[int, int, int]
"""begin, end, and the bit of what it closes"""


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule in the form in which it is looked up; small, since every line may have its own."""

    weekly: bytes
    closings: tuple[Moment, ...]
    """what slots close, each once"""
    holidays: frozenset[int]
    """ordinals of days"""
    once: tuple[Stretch, ...]

    @classmethod
    def of(
        cls, schedule: Iterable[Slot], holidays: Iterable[str] = (), once: Iterable[OneSlot] = ()
    ) -> Timetable:
        """The timetable of weekly slots, days like ``2026-12-25`` and stretches that come once.

        ``ValueError`` for a slot on days or at times that there are not."""
        places: dict[Moment, int] = {}
        weekly = b"".join(
            _WEEKLY.pack(_weekdays(slot), slot.start, _end_of(slot), places.setdefault(closed, len(places)))
            for slot in schedule
            if slot.days and (closed := _closed_by(slot)) != OPEN
        )
        stretches = tuple(
            (slot.begin, slot.end, 1 << places.setdefault(closed, len(places)))
            for slot in once
            if slot.begin < slot.end and (closed := _closed_by(slot)) != OPEN
        )
        return cls(weekly, _shared(tuple(places)), _ordinals(tuple(holidays)), stretches)

    def __bool__(self) -> bool:
        return bool(self.weekly or self.once)

    def at(self, zone: str, now: int) -> tuple[Moment, int]:
        """The restrictions at ``now`` on a clock in ``zone``, and the first moment after it at which they
        change; 0: they never do.

        Where holidays or what comes once may bring a change that is too far away to be found, it is a moment
        at which to look again: nothing changes before.
        """
        if not self.weekly:
            bits, change = self._first_change(list(self.once), now, 0)
            return self._moment(bits), change
        today = _today(zone, now)
        bits, limit = 0, 0
        for ahead in _LOOKS:
            limit = _instant(zone, today + ahead, 0, last=False)
            bits, change = self._first_change(self._stretches(zone, today, ahead), now, limit)
            if change:
                return self._moment(bits), change
        return self._moment(bits), self._look_again(today, limit)

    def _look_again(self, today: int, limit: int) -> int:
        """The moment up to which nothing changes, if anything may after it."""
        begins = (edge for begin, end, _ in self.once for edge in (begin, end) if edge >= limit)
        return limit if any(day >= today for day in self.holidays) else min(begins, default=0)

    def _first_change(self, stretches: list[Stretch], now: int, limit: int) -> tuple[int, int]:
        """The bits of what is closed at ``now``, and the first moment before ``limit`` (0: none) at which
        something else is; 0: there is none."""
        present = _bits_at(stretches, now)
        first = min((edge for begin, end, _ in stretches for edge in (begin, end) if edge > now), default=0)
        if not first or 0 < limit <= first:
            return present, 0
        if self._differ(_bits_at(stretches, first), present):
            return present, first
        for edge, bits in _later(stretches, now):
            if 0 < limit <= edge:
                break
            if self._differ(bits, present):
                return present, edge
        return present, 0

    def _differ(self, one: int, other: int) -> bool:
        return one != other and self._moment(one) != self._moment(other)

    def _stretches(self, zone: str, today: int, ahead: int) -> list[Stretch]:
        """The slots from two days before ``today`` to ``ahead`` days after; empty ones left out."""
        found = list(self.once)
        weekly = [*_WEEKLY.iter_unpack(self.weekly)]
        for day in range(today - 2, today + ahead + 1):
            if day in self.holidays:
                continue
            weekday, midnight = 1 << (day + 6) % 7, _midnight(zone, day)
            for days, start, end, place in weekly:
                if not days & weekday:
                    continue
                if midnight is not None:
                    found.append((midnight + 60 * start, midnight + 60 * end, 1 << place))
                    continue
                begins = _instant(zone, day, start, last=False)
                ends = _instant(zone, day, end, last=True)
                if begins < ends:
                    found.append((begins, ends, 1 << place))
        return found

    def _moment(self, bits: int) -> Moment:
        """The restrictions of all slots with these bits together."""
        if not bits & (bits - 1):
            return self.closings[bits.bit_length() - 1] if bits else OPEN
        return _together(tuple(each for place, each in enumerate(self.closings) if bits >> place & 1))


def state_at(
    schedule: Sequence[Slot],
    zone: str,
    now: int,
    *,
    holidays: Sequence[str] = (),
    once: Sequence[OneSlot] = (),
) -> Moment:
    """The restrictions of the schedule at ``now`` on a clock in ``zone``."""
    return Timetable.of(schedule, holidays, once).at(zone, now)[0]


def next_boundary(
    schedule: Sequence[Slot],
    zone: str,
    now: int,
    *,
    holidays: Sequence[str] = (),
    once: Sequence[OneSlot] = (),
) -> int:
    """The first moment after ``now`` at which the restrictions change; 0: they never do. With holidays or
    what comes once it may be one at which to look again: see :meth:`Timetable.at`."""
    return Timetable.of(schedule, holidays, once).at(zone, now)[1]


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo:
    """The IANA zone of that name. :class:`UnknownZoneError` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"unknown time zone: {name!r}"
        raise UnknownZoneError(message) from error


def _bits_at(stretches: Iterable[Stretch], moment: int) -> int:
    found = 0
    for begin, end, bit in stretches:
        if begin <= moment < end:
            found |= bit
    return found


def _later(stretches: Iterable[Stretch], now: int) -> Iterator[tuple[int, int]]:
    """The moments after ``now`` at which a stretch begins or ends, in order, each with the bits of what is
    closed from then on. However many stretches overlap, each is met twice."""
    active: Counter[int] = Counter()
    edges: list[tuple[int, int]] = []
    for begin, end, bit in stretches:
        if begin <= now < end:
            active[bit] += 1
        if begin > now:
            edges.append((begin, bit))
        if end > now:
            edges.append((end, -bit))
    edges.sort()
    for place, (edge, bit) in enumerate(edges):
        active[abs(bit)] += 1 if bit > 0 else -1
        if place + 1 == len(edges) or edges[place + 1][0] > edge:
            yield edge, sum(each for each, count in active.items() if count)


def _weekdays(slot: Slot) -> int:
    if not (set(slot.days) <= _WEEK and 0 <= slot.start <= 1440 and 0 <= slot.end <= 1440):
        message = f"no such slot: days {slot.days}, from minute {slot.start} to {slot.end}"
        raise ValueError(message)
    return sum(1 << day for day in set(slot.days))


def _end_of(slot: Slot) -> int:
    return slot.end if slot.end > slot.start else slot.end + 1440


@lru_cache(maxsize=4096)
def _closing(
    everything: bool, categories: tuple[str, ...], services: tuple[str, ...], leaves: tuple[str, ...] | None
) -> Moment:
    left = None if leaves is None else frozenset(leaves)
    return Moment(everything, frozenset(categories), frozenset(services), left)


def _closed_by(slot: Slot | OneSlot) -> Moment:
    return _closing(slot.everything, slot.categories, slot.services, slot.leaves)


@lru_cache(maxsize=4096)
def _together(closings: tuple[Moment, ...]) -> Moment:
    leaves: frozenset[str] | None = None
    for each in closings:
        if each.leaves is not None:
            leaves = each.leaves if leaves is None else leaves & each.leaves
    return Moment(
        any(each.everything for each in closings),
        frozenset[str]().union(*(each.categories for each in closings)),
        frozenset[str]().union(*(each.services for each in closings)),
        leaves,
    )


@lru_cache(maxsize=4096)
def _shared(closings: tuple[Moment, ...]) -> tuple[Moment, ...]:
    """An equal tuple that others have too."""
    return closings


@lru_cache(maxsize=1024)
def _ordinals(days: tuple[str, ...]) -> frozenset[int]:
    return frozenset(date.fromisoformat(day).toordinal() for day in days)


# --- clocks ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _today(zone: str, now: int) -> int:
    return datetime.fromtimestamp(now, zone_of(zone)).toordinal()


@lru_cache(maxsize=4096)
def _midnight(zone: str, day: int) -> int | None:
    """The moment from which to count the minutes of ``day`` and of the day after it; None where the clock is
    moved within a day of them, so that they cannot be counted."""
    clock = zone_of(zone)
    begin = _instant(zone, day, 0, last=False)
    steps = range(begin - _DAY - 3600, begin + 3 * _DAY + 3600, 3600)
    offsets = {datetime.fromtimestamp(step, clock).utcoffset() for step in steps}
    if len(offsets) > 1 or begin != _instant(zone, day, 0, last=True):
        return None
    return begin


@lru_cache(maxsize=16_384)
def _instant(zone: str, day: int, minutes: int, *, last: bool) -> int:
    """The last or first moment at which a clock shows ``minutes`` after the midnight that begins ``day``.

    A time that the clock skips is the moment at which it does.
    """
    clock = zone_of(zone)
    wall = datetime.combine(date.fromordinal(day), time()) + timedelta(minutes=minutes)
    before = _timestamp(wall.replace(tzinfo=clock, fold=0))
    after = _timestamp(wall.replace(tzinfo=clock, fold=1))
    if before <= after:
        return after if last else before
    return _change_between(after, before, clock)


def _timestamp(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp())


def _change_between(low: int, high: int, clock: ZoneInfo) -> int:
    """The moment in (low, high] from which the clock's offset is that of ``high``."""
    wanted = datetime.fromtimestamp(high, clock).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, clock).utcoffset() == wanted:
            high = middle
        else:
            low = middle
    return high
