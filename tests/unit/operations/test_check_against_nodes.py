"""A check says of a line what a node does for it at each moment, whatever the line chose; and both are
what a clock on the wall and the words of the line say."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from filterd.config.policies import load_policies
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.line import LineChoices
from filterd.model.subscriber import RequestEvidence
from filterd.operations import check, choices, closings, explain, plans, snapshots, subscribers
from filterd.operations.choices import Wish
from filterd.operations.closings import Closed
from filterd.operations.context import Context, OperationError
from filterd.operations.ends import End
from filterd.operations.feeds import updating
from filterd.operations.keys import load_key
from filterd.operations.plans import PlanChange
from filterd.policy.decide import decide_name
from filterd.policy.documents import Profile
from filterd.wire.names import name_from_text
from tests.worlds.installation import Installation
from tests.worlds.node_machine import Machine
from tests.worlds.wall_clock import states, wall_clock

EVIDENCE = RequestEvidence("the holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
BEGIN = int(datetime(2027, 3, 10, tzinfo=UTC).timestamp())
"""before the changes of clocks in Tijuana (14 March), Madrid (28 March) and Lord Howe (4 April)"""
MINUTES = 32 * 1440
SEEDS, STEPS = 3, 25
ZONES = ("America/Tijuana", "Europe/Madrid", "Australia/Lord_Howe", "UTC")
LINES = ("S-1", "S-2", "S-3")
CHOICES = ("category:gambling", "category:adult", "service:chat", "way:doh", "safe-search:search-strict")
NAMES = (
    *("blue.example", "casino.example", "chat.example", "search.example", "doh.example", "other.example"),
    *("school.example", "portal.example", "help.example", "worst.example", "own.example", "x.own.example"),
)
HOURS = """
schedule:
  - {days: [sun, mon, wed], from: "21:30", until: "06:15", block: everything}
  - {days: daily, from: "01:30", until: "02:45", block: {categories: [gambling]}}
"""


Wanted = Callable[[], Awaitable[object]]


@dataclass
class House:
    """An installation, a node that follows its store, and the random numbers of a course."""

    installation: Installation
    context: Context
    machine: Machine
    profiles: dict[str, Profile]
    bits: random.Random

    def advance(self, seconds: int) -> None:
        self.installation.now += seconds
        self.machine.now = self.installation.now
        self.machine.ticks += max(seconds, 0)
        self.machine.settle()

    async def choose(self) -> None:
        """One wish of a line, which may be refused."""
        line = self.bits.choice(LINES)
        try:
            await self.bits.choice((*self._requests(line), *self._hours(line), *self._own(line)))()
        except OperationError:
            return

    def _requests(self, line: str) -> tuple[Wanted, ...]:
        some, context = self.bits, self.context
        return (
            lambda: subscribers.opt_in(context, line, some.choice(("teen", "night")), EVIDENCE),
            lambda: subscribers.set_profile(context, line, some.choice(("teen", "child", "night"))),
            lambda: subscribers.opt_out(context, line, evidence=EVIDENCE),
            lambda: subscribers.pause(context, line, 60 * some.randrange(1, 10_080)),
            lambda: subscribers.resume(context, line),
            lambda: subscribers.set_zone(context, line, some.choice(ZONES)),
        )

    def _hours(self, line: str) -> tuple[Wanted, ...]:
        some, context = self.bits, self.context
        closed = some.choice((Closed(everything=True), Closed(categories=("gambling",), services=("chat",))))
        begin, end = some.choice(("", "", "01:45", "23:10")), End(60 * some.randrange(1, 600))
        return (
            lambda: plans.change(context, line, PlanChange(self._plan())),
            lambda: plans.change(context, line, PlanChange(as_profile=True)),
            lambda: plans.change(context, line, PlanChange(holidays=(self._day(),))),
            lambda: closings.close(context, line, closed, end, begin=begin),
            lambda: closings.reopen(context, line, coming=some.random() < 0.5),
        )

    def _own(self, line: str) -> tuple[Wanted, ...]:
        some, context, end = self.bits, self.context, self._end()
        wish = Wish(some.choice(("add", "take", "as-profile")), some.choice(CHOICES))
        return (
            lambda: choices.choose(context, line, [wish]),
            lambda: subscribers.allow(context, line, some.choice(("own.example", "blue.example")), end=end),
            lambda: subscribers.deny(context, line, some.choice(("own.example", "chat.example")), end=end),
            lambda: subscribers.remove(context, line, "own.example"),
        )

    def _end(self) -> End:
        return self.bits.choice((End(), End(60 * self.bits.randrange(1, 3000)), End(today=True)))

    def _day(self) -> str:
        today = datetime.fromtimestamp(self.installation.now, UTC).date()
        return (today + timedelta(days=self.bits.randrange(1, 5))).isoformat()

    def _plan(self) -> str:
        bits = self.bits
        slots = []
        for _ in range(bits.randrange(4)):
            start, end = (f"{bits.randrange(24):02}:{bits.choice((0, 15, 30, 45)):02}" for _ in range(2))
            if start == end:
                continue
            days = bits.choice(("daily", "[mon, wed, sun]", "[sat, sun]", "[tue]"))
            what = bits.choice(("everything: true", "categories: [gambling]", "services: [chat]"))
            slots.append(f'  - {{days: {days}, from: "{start}", until: "{end}", block: {{{what}}}}}')
        return "schedule:\n" + "\n".join(slots) if slots else "schedule: []"

    async def said(self, ahead: int = 0) -> dict[tuple[str, str], tuple[str, str]]:
        """The verdict and its reason by line and name, as ``check`` gives them."""
        context, at = self.context, int(self.installation.now) + ahead
        found = {}
        for each in LINES:
            state = await check.load_state(context, at, subscriber=each)
            for name in NAMES:
                told = await explain.explain_on(context.settings, state, name, 1, at, check.no_answers)
                found[each, name] = told.verdict, told.reason
        return found

    async def compare(self, foretold: dict[tuple[str, str], tuple[str, str]] | None = None) -> None:
        """Hold what the node does against ``check``, and the plain model, for every line."""
        published = self.machine.watcher.last
        assert published.state is not None
        said = await self.said()
        if foretold is not None:
            assert said == foretold
        for each in LINES:
            found = (await subscribers.show(self.context, each)).choices
            handle = published.lines.handle(found.line)
            for name in NAMES:
                done = decide_name(published.state, handle, name_from_text(name), int(self.installation.now))
                told = done.verdict.outcome.name.lower(), done.verdict.reason.word
                assert said[each, name] == told, (each, name, found)
            for name in ("casino.example", "other.example"):
                assert (said[each, name][0] == "block") == self._blocked(found, name), (each, name, found)

    def _blocked(self, line: LineChoices, name: str) -> bool:
        now = int(self.installation.now)
        if not line.opted_in or now < line.paused_until:
            return False
        profile = self.profiles[line.profile]
        mine = line.adjustments
        slots = profile.schedule if mine.plan is None else mine.plan
        clock = wall_clock(line.zone, BEGIN, MINUTES)
        moment = states(clock, slots, mine.holidays, mine.once)[(now - BEGIN) // 60]
        closed = {*profile.categories, *mine.categories.added} - {*mine.categories.taken}
        gambling = "gambling" in closed | moment.categories
        return moment.everything or (name == "casino.example" and gambling)


@pytest.fixture
async def house(installation: Installation) -> AsyncIterator[House]:
    installation.now = float(BEGIN)
    teen = installation.base / "policies/profiles/teen.yaml"
    installation.write_policy("profiles/night.yaml", teen.read_text() + HOURS.lstrip())
    async with installation.open() as context:
        for each in LINES:
            await subscribers.add(context, each, zone="America/Tijuana")
        await updating.update(context, [])
        await snapshots.build(context)
        key = load_key(context.settings, FINGERPRINT_KEY)
        machine = Machine(context.settings.state_dir, installation.database, now=BEGIN, key=key)
        machine.start()
        machine.settle()
        documents = load_policies(context.settings.policies)
        profiles = {each.id: each for each in documents.profiles}
        yield House(installation, context, machine, profiles, random.Random())
        machine.node.close()


@pytest.mark.ring("merge")
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_check_and_nodes_and_a_plain_model_agree(house: House, seed: int) -> None:
    house.bits = bits = random.Random(seed)
    for each in LINES:
        await subscribers.opt_in(house.context, each, bits.choice(("teen", "night")), EVIDENCE)
    for _ in range(STEPS):
        await house.choose()
        seconds = 60 * bits.choice((0, 1, 7, 30, 61, 200, 900))
        foretold = await house.said(seconds) if seconds else None
        house.advance(seconds)
        if bits.random() < 0.1:  # control is away: nodes keep what it has not taken off, and check says so
            await house.compare()
        await subscribers.end_names(house.context)
        if bits.random() < 0.1:
            house.machine.start()
        house.machine.settle()
        await house.compare(foretold)
