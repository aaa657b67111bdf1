"""The provider of the year: an installation on disk, control's own steps, and its resolvers.

Control is no process here but its parts, called in the order in which it runs them, whenever the clock has
moved: reading lists, compiling, taking reports, noting ends, deleting, signing. While control is *away* none
of them is called, and nobody hears the resolvers; these go on by the store and by their own disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.operations import nodes
from filterd.operations.context import Context, open_context
from filterd.operations.policies import KeptPolicies
from filterd.serve.duty_watch import DutyWatch
from filterd.serve.maintenance import Maintenance
from filterd.serve.order_ends import OrderEnds
from filterd.serve.order_watch import OrderWatch
from filterd.serve.register_watch import RegisterWatch
from filterd.serve.retention_schedule import RetentionSchedule
from filterd.serve.take_up_schedule import TakeUpSchedule
from filterd.serve.trail_schedule import TrailSchedule
from tests.worlds.migrated import migrated
from tests.worlds.year import shelf
from tests.worlds.year.clock import YearClock
from tests.worlds.year.resolver import YearResolver

NAMES = ("resolver-1", "resolver-2", "resolver-3")
TITLE = "Fibra del Bajío, S. A. de C. V."


def settings_of(base: Path) -> Settings:
    """The settings of the provider."""
    value: dict[str, object] = {
        "store": {"url": f"sqlite:///{base}/filterd.db", "ledger": str(base / "ledger")},
        "state_dir": str(base / "control"),
        "policies": str(base / "policies"),
        "dns": {"upstreams": ["192.0.2.53:53"]},
        "canary": {"zone": "canary.fibra.example"},
        "node": {"name": NAMES[0]},
        "nodes": {"gone_after": "7d"},
        "jurisdiction": "mx",
        "registers": [shelf.register_setting(base)],
        "zone": "America/Mexico_City",
    }
    return from_value(value, base=base)


class ControlParts:
    """The parts of control that the year needs."""

    def __init__(self, context: Context) -> None:
        self.context = replace(context, actor="control")
        self._maintenance = Maintenance(self.context)
        self._registers = RegisterWatch(self.context)
        self._ends = OrderEnds(self.context)
        self._retention = RetentionSchedule(self.context, self.context.clock)
        self._take_up = TakeUpSchedule(self.context)
        self._duty = DutyWatch(self.context)
        self._trail = TrailSchedule(self.context)
        self._watch = OrderWatch()

    async def compile(self) -> None:
        """Pull what is there of registers, read the lists that changed, and compile where that is due."""
        if any(Path(each.source).exists() for each in self.context.settings.registers):
            await self._registers.pull_due()
        await self._maintenance.turn()

    async def hear(self, resolver: YearResolver) -> None:
        """Take the report of a resolver."""
        report = resolver.report()
        await nodes.record(self.context, report)
        await self._watch.hear(self.context, report)
        await self._trail.hear(report)

    async def look(self) -> None:
        """What it does by the clock every few seconds."""
        await self._ends.look()
        await self._trail.look()

    async def delete(self) -> None:
        """Delete what is past its term, and count the day before; each once a day."""
        await self._retention.look()
        await self._take_up.look()

    async def measure(self) -> None:
        """Look at what is due, and when what followed from complaints was in force everywhere."""
        await self._duty.look()

    async def close(self) -> None:
        """End what runs in the background."""
        await self._maintenance.feeds.close()


@dataclass
class Provider:
    """See the module."""

    base: Path
    settings: Settings
    clock: YearClock
    context: Context
    resolvers: Mapping[str, YearResolver]
    control: ControlParts | None = None
    """None: away"""
    counts: dict[str, int] = field(default_factory=dict)
    """of what the world did: questions over DNS, turns"""

    def by(self, person: str) -> Context:
        """The context of a person who acts."""
        return replace(self.context, actor=person)

    def up(self) -> list[YearResolver]:
        """The resolvers that run."""
        return [each for each in self.resolvers.values() if each.up]

    async def settle(self) -> None:
        """Let everybody do what is due at this moment; lists are read each morning, or as :meth:`read_lists`
        is called."""
        for each in self.up():
            each.turn()
            await each.probe(lists=False)
        if self.control is not None:
            for each in self.up():
                await self.control.hear(each)
            await self.control.look()

    async def read_lists(self) -> None:
        """Have control read what changed, and compile it."""
        if self.control is not None:
            await self.control.compile()
        await self.settle()

    async def morning(self) -> None:
        """What is done once a day: lists are read and compiled, resolvers test them, and control deletes."""
        await self.read_lists()
        for each in self.up():
            await each.probe(lists=True)
        if self.control is not None:
            await self.control.delete()
            await self.control.measure()

    async def move_to(self, moment: float) -> None:
        """Go on to a moment, and settle. Between two moments nobody is heard, and control does not look: who
        runs is heard before it looks again, and is not silent for it."""
        self.clock.move_to(moment)
        await self.settle()

    async def control_goes(self) -> None:
        """Control is away from now on."""
        assert self.control is not None
        await self.control.close()
        self.control = None

    async def control_comes(self) -> None:
        """Control begins again, as a new process, and hears everybody."""
        self.control = ControlParts(self.context)
        await self.settle()


@asynccontextmanager
async def provider(base: Path) -> AsyncIterator[Provider]:
    """The provider on the first day of the year, before anything happened."""
    base.mkdir(parents=True, exist_ok=True)
    settings, clock = settings_of(base), YearClock()
    shelf.write_policies(base / "policies", clock.now)
    await migrated(settings.store.url, settings.store.ledger)
    async with open_context(settings, actor="ana", clock=clock) as opened:
        context = replace(opened, kept_policies=KeptPolicies())
        made = Provider(
            base, settings, clock, context, {name: YearResolver(name, settings, clock) for name in NAMES}
        )
        made.control = ControlParts(context)
        await made.control.compile()
        for each in made.resolvers.values():
            await each.start()
        await made.morning()
        try:
            yield made
        finally:
            for each in made.up():
                await each.stop()
            if made.control is not None:
                await made.control.close()
