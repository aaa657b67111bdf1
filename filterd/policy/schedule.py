"""Weekly schedules: the restrictions that a moment adds to a profile, and their next change, in Unix seconds.

A slot is a stretch of wall-clock time, and a clock that is moved does not tear it apart:

- where the clock springs forward, a start or end that is skipped falls on the moment of the change; a slot
  that lies wholly in the skipped hour is empty on that day;
- where the clock falls back, a slot begins at the first of two equal wall-clock times and ends at the second,
  so that nothing opens for an hour in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from filterd.model.slot import Slot

_HORIZON = 18
"""days looked ahead: each slot recurs within 7, and once more in case that a clock change swallows one; the
last two only complete the days before them"""


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


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo:
    """The IANA zone of that name. :class:`UnknownZoneError` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"unknown time zone: {name!r}"
        raise UnknownZoneError(message) from error


def state_at(schedule: Sequence[Slot], zone: str, now: int) -> Moment:
    """The restrictions of the schedule at ``now`` on a clock in ``zone``."""
    if not schedule:
        return Moment()
    clock = zone_of(zone)
    active = [slot for slot, start, end in _stretches(schedule, clock, now, ahead=1) if start <= now < end]
    return _moment(active)


def next_boundary(schedule: Sequence[Slot], zone: str, now: int) -> int:
    """The first moment after ``now`` at which the restrictions change; 0: they never do."""
    if not schedule:
        return 0
    stretches = list(_stretches(schedule, zone_of(zone), now, ahead=_HORIZON))
    present = _at(stretches, now)
    last = now + (_HORIZON - 2) * 86400
    edges = sorted({edge for _, start, end in stretches for edge in (start, end) if now < edge <= last})
    return next((edge for edge in edges if _at(stretches, edge) != present), 0)


def _at(stretches: Iterable[tuple[Slot, int, int]], moment: int) -> Moment:
    return _moment(slot for slot, start, end in stretches if start <= moment < end)


def _moment(active: Iterable[Slot]) -> Moment:
    everything, categories, services = False, set[str](), set[str]()
    leaves: frozenset[str] | None = None
    for slot in active:
        everything = everything or slot.everything
        categories.update(slot.categories)
        services.update(slot.services)
        if slot.leaves is not None:
            leaves = frozenset(slot.leaves) if leaves is None else leaves & frozenset(slot.leaves)
    return Moment(everything, frozenset(categories), frozenset(services), leaves)


def _stretches(
    schedule: Sequence[Slot], clock: ZoneInfo, now: int, ahead: int
) -> Iterator[tuple[Slot, int, int]]:
    """The slots as [start, end) from two days before ``now`` to ``ahead`` days after; empty ones left out."""
    today = datetime.fromtimestamp(now, clock).date()
    for offset in range(-2, ahead + 1):
        day = today + timedelta(days=offset)
        for slot in schedule:
            if day.weekday() in slot.days:
                start = _instant(day, slot.start, clock, last=False)
                end = _instant(day, slot.end + (0 if slot.end > slot.start else 1440), clock, last=True)
                if start < end:
                    yield slot, start, end


def _instant(day: date, minutes: int, clock: ZoneInfo, *, last: bool) -> int:
    """The last or first moment at which a clock shows ``minutes`` after the midnight that begins ``day``.

    A time that the clock skips is the moment at which it does.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
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
