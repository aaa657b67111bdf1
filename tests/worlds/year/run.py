"""Runs the year: every entry of the diary at its moment, and the days between."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from tests.worlds.year import house, incidents, letters, register
from tests.worlds.year.clock import ENDS, FIRST, LAST, moment_of
from tests.worlds.year.closing import Closed, close_year
from tests.worlds.year.diary import Diary, Entry
from tests.worlds.year.expecting import require_all
from tests.worlds.year.households import Households
from tests.worlds.year.provider import provider

SEED = 191
LINES, SHORT_LINES = 300, 60
EVERY, SHORT_EVERY = 1, 30
"""days between two mornings that are looked at"""


@dataclass
class YearRun:
    """The year as it is to be run, and its outcome."""

    base: Path
    out: TextIO
    short: bool = False
    """fewer lines, and no day on which nothing happens"""
    seed: int = SEED


@dataclass
class Outcome:
    """The year as it came."""

    diary: Diary
    households: Households
    closed: Closed
    held: int
    """what was held against the script"""


def entries(households: Households, every: int) -> list[Entry]:
    """The whole diary in the order of its moments."""

    def morning(days: int) -> Entry:
        async def act(diary: Diary) -> None:
            await households.live(diary, days)
            await diary.provider.morning()

        return Entry(0.0, act)

    found = [*letters.ENTRIES, *incidents.ENTRIES, *house.ENTRIES, *register.ENTRIES]
    days = (LAST - FIRST).days
    for passed in range(every, days + 1, every):
        act = morning(every).act
        found.append(Entry(moment_of(FIRST + timedelta(days=passed), 6, 30), act))
    return sorted(found, key=lambda each: each.at)


async def play(diary: Diary, found: Iterable[Entry]) -> None:
    """Let everything happen at its moment."""
    world = diary.provider
    for each in found:
        moment = max(each.at, world.clock.now)
        if each.quiet:
            world.clock.move_to(moment)
            await each.act(diary)
            continue
        await world.move_to(moment)
        await each.act(diary)
        if world.clock.now == moment:
            await world.move_to(moment + 2)
    await world.move_to(ENDS + 60)
    await world.move_to(moment_of(LAST + timedelta(days=1), 6, 30))
    await world.morning()


async def run(year: YearRun) -> Outcome:
    """Run the year to its end, and hold its reports against the script. Raises YearError where anything is
    not as its script says."""
    lines, every = (SHORT_LINES, SHORT_EVERY) if year.short else (LINES, EVERY)
    async with provider(year.base / "provider") as world:
        diary = Diary(world, year.out, random.Random(year.seed))
        households = Households(lines, random.Random(year.seed))
        await households.register(diary)
        await play(diary, entries(households, every))
        diary.tell("the year is over; reports, export and evidence pack are written and verified")
        closed = await close_year(diary.by("ana"), year.base / "reports", short=year.short)
        held = require_all(diary, households, closed)
        return Outcome(diary, households, closed, held)
