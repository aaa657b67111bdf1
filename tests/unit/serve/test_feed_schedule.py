"""When control fetches: in the background, again after failures, and not all nodes at once."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filterd.feed.source import TooLargeError
from filterd.operations.context import Context
from filterd.operations.feeds import adoption, listing, reading, updating
from filterd.operations.policies import policies
from filterd.serve.feed_schedule import LEAST_RETRY, LONGEST_RETRY, FeedSchedule
from filterd.serve.maintenance import Maintenance
from filterd.telemetry import log
from tests.worlds.fetched import Fetched, fetched, fetching
from tests.worlds.installation import install
from tests.worlds.list_server import Fault

DAY = 86400.0
NAMES = b"one.example\ntwo.example\n"


@dataclass
class Control:
    """A schedule over an installation whose feeds come from a server."""

    world: Fetched
    context: Context
    stream: io.StringIO
    schedule: FeedSchedule = field(init=False)
    errors: list[Exception] = field(default_factory=list)
    chance: float = 0.5

    def __post_init__(self) -> None:
        self.begin_again()

    def begin_again(self) -> None:
        """As another process of control would."""
        self.schedule = FeedSchedule(
            lambda error: self.errors.append(error) if error else None,
            fetching(),
            lambda: self.chance,
        )

    async def turn(self, *, wait: bool = True) -> None:
        found = await adoption.policies_in_force(self.context)
        await self.schedule.turn(self.context, found.policies.feeds)
        if wait:
            await self.schedule.settled()

    def asked(self, host: str) -> int:
        return sum(each.host == host for each in self.world.server.requests)

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stream.getvalue().splitlines()]


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    """Nothing is fetched yet."""
    stream = io.StringIO()
    log.configure("control", stream)
    async with fetched(tmp_path) as world, world.open() as context:
        world.name("far", NAMES)
        made = Control(world, context, stream)
        yield made
        await made.schedule.close()


async def test_a_feed_is_fetched_at_once_and_then_when_it_is_due(control: Control) -> None:
    await control.turn()
    await control.turn()
    assert control.asked("far") == 1
    control.world.installation.now += DAY * 0.95 - 1
    await control.turn()
    assert control.asked("far") == 1, "half of a tenth early"
    control.world.installation.now += 1
    await control.turn()
    assert control.asked("far") == 2
    assert control.errors == []


async def test_a_restart_keeps_the_time_and_another_entry_does_not(control: Control) -> None:
    await control.turn()
    control.world.installation.now += DAY / 2
    control.begin_again()
    await control.turn()
    assert control.asked("far") == 1
    control.world.name("far", NAMES, "category: adult, stale_after: 3d")
    await control.turn()
    assert control.asked("far") == 2
    control.world.name("far", NAMES, "category: adult, stale_after: 4d")
    control.begin_again()
    await control.turn()
    assert control.asked("far") == 3, "it was changed while nobody looked"


async def test_a_clock_that_was_set_back_does_not_stop_it(control: Control) -> None:
    await control.turn()
    control.world.installation.now -= 400 * DAY
    await control.turn()
    assert control.asked("far") == 2


async def test_failures_are_tried_again_later_and_later_and_said_once(control: Control) -> None:
    control.world.server.faults["far"] = Fault.GONE
    control.chance = 1.0
    waits = []
    for _ in range(9):
        before = control.asked("far")
        await control.turn()
        assert control.asked("far") == before + 1
        waits.append(control.schedule.next_at("far") - control.world.installation.now)
        control.world.installation.now += waits[-1]
    assert waits == [60, 120, 240, 480, 960, 1920, LONGEST_RETRY, LONGEST_RETRY, LONGEST_RETRY]
    assert control.events().count("a feed was not read") == 1
    control.chance = 0.0
    await control.turn()
    assert control.schedule.next_at("far") - control.world.installation.now == LEAST_RETRY
    control.world.server.faults.clear()
    control.world.installation.now += LEAST_RETRY
    await control.turn()
    assert control.events().count("a feed is read again") == 1


async def test_a_server_that_hangs_keeps_neither_the_turn_nor_another_feed_waiting(control: Control) -> None:
    control.world.server.faults["far"] = Fault.SILENT
    hanging = asyncio.Event()
    control.schedule.fetching.sleep = lambda seconds: hanging.wait()
    await control.turn(wait=False)
    assert control.schedule.under_way == {"far"}
    control.world.name("near", b"near.example\n")
    await control.turn(wait=False)
    while "near" in control.schedule.under_way:
        await asyncio.sleep(0.01)
    assert control.schedule.under_way == {"far"}, "it waits for its second attempt"
    assert control.asked("near") == 1
    hanging.set()
    await control.schedule.settled()


@pytest.mark.ring("merge")
async def test_what_contributes_nothing_and_what_is_stale_are_said_once(control: Control) -> None:
    control.world.server.faults["far"] = Fault.GONE
    await control.turn()
    control.world.installation.now += 61
    await control.turn()
    await control.turn()
    assert control.events().count("a feed contributes nothing") == 1
    control.world.server.faults.clear()
    control.world.installation.now += DAY
    await control.turn()
    control.world.installation.now += 61
    await control.turn()
    assert control.events().count("a feed contributes again, or is retired") == 1
    control.world.server.faults["far"] = Fault.SERVER_ERROR
    for _ in range(9):
        control.world.installation.now += DAY
        await control.turn()
    assert control.events().count("a feed is stale") == 1


async def test_the_end_of_control_ends_what_is_under_way(control: Control, tmp_path: Path) -> None:
    control.world.server.faults["far"] = Fault.STALL
    hanging = asyncio.Event()
    control.schedule.fetching.sleep = lambda seconds: hanging.wait()
    await control.turn(wait=False)
    await control.schedule.close()
    assert control.schedule.under_way == set()
    assert list(tmp_path.rglob("fetched/*.new")) == []


async def test_a_fault_of_ours_with_a_feed_rests_like_any_other(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def update(*given: object, **more: object) -> None:
        asked.append((given, more))
        raise LookupError

    monkeypatch.setattr(updating, "update", update)
    for _ in range(3):
        await control.turn()
    assert (len(asked), control.events().count("a task failed")) == (1, 1)
    control.world.installation.now += LONGEST_RETRY
    await control.turn()
    assert len(asked) == 2


async def test_the_first_snapshot_waits_for_a_slow_server_for_a_bounded_time(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try has a bound of its own while there is no snapshot; later tries have the usual one."""
    monkeypatch.setattr(updating, "FIRST_TRY", 1.0)
    control.world.server.faults["far"] = Fault.STALL
    hanging = asyncio.Event()
    control.schedule.fetching.sleep = lambda seconds: hanging.wait()
    maintenance = Maintenance(control.context)
    maintenance.feeds = control.schedule
    await maintenance.turn()
    assert [*maintenance.untried] == ["far (being fetched, for 1 s at most)"]
    await asyncio.wait_for(control.schedule.settled(), 5.0)
    check = (await listing.checks(control.context))["far"]
    assert "it takes too long (1 s)" in check.error
    control.world.installation.now += LONGEST_RETRY
    await control.turn(wait=False)
    await asyncio.sleep(0.2)
    assert control.schedule.under_way == {"far"}, "the second try has its hour"


async def test_a_file_that_could_not_be_read_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later each time, an hour apart at most, though the file is the same; once it is read, after a day."""
    installation = await install(tmp_path)
    read, tries = reading.read, 0

    def refused(*given: Any) -> object:
        nonlocal tries
        tries += 1
        raise TooLargeError("it is too large")

    stream = io.StringIO()
    log.configure("control", stream)
    schedule = FeedSchedule(lambda error: None, chance=lambda: 1.0)
    async with installation.open() as context:
        (feed,) = [each for each in policies(context).feeds if each.id == "adult-starter"]

        async def after(seconds: float) -> int:
            """How often it was tried so far, at this later moment."""
            installation.now += seconds
            await schedule.turn(context, [feed])
            return tries

        monkeypatch.setattr(reading, "read", refused)
        assert [await after(each) for each in (0, 1, 60, 60, 61, 241, 400)] == [1, 1, 2, 2, 3, 4, 4]
        assert stream.getvalue().count("a feed was not read") == 1
        monkeypatch.setattr(reading, "read", read)
        await after(3600)
        assert stream.getvalue().count("a feed is read again") == 1
        monkeypatch.setattr(reading, "read", refused)
        await after(3600)
        assert tries == 4
