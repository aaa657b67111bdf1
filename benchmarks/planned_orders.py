"""How soon orders are in force on a resolver whose lines have plans, at rest and where all of them change.

``make line-plans`` runs it after ``line_plans.py``: LINES lines (a million), of which PLANS (50,000) have a
plan that nobody else has and 300,000 one of a few; all of these close everything at one minute of the clock.
Each order is timed from its commit to the first blocked answer of a real resolver, which is asked two hundred
times a second beside that. The exit status is 1 where the bar is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from lines import Asking, Orders, show, spread
from linesworld import NXDOMAIN, Resolver, World, ask

from filterd.model.adjustments import Adjustments, Difference, to_text
from filterd.model.slot import Slot

ZONE = "America/Mexico_City"
SHARING = 300_000
BAR = 1.0
"""seconds from the commit of an order to its first blocked answer, of 99 in 100"""
EVERY_DAY = tuple(range(7))
REST = 30
"""seconds of orders before the plans change"""
AROUND = 15
"""seconds before and after the minute at which they do"""
DAY = 24 * 60


@dataclass(frozen=True)
class Plans:
    """The stored changes of lines by number: all of them close everything from one minute of the day on."""

    plans: int
    begins: int
    """minutes after midnight in ZONE"""

    def of(self, line: int) -> str:
        """Line 1 has a plan of its own as well."""
        if line <= self.plans:
            chance = random.Random(line)  # noqa: S311 - plans of a benchmark
            games = Slot((chance.randrange(7),), self._away(), self._away() + 45, categories=("adult",))
            service = Difference((f"service-{chance.randrange(10_000)}",))
            length = 120 + line % 360
            return to_text(Adjustments(services=service, plan=(self._closed(length), games)))
        if line <= self.plans + SHARING:
            return to_text(Adjustments(plan=(self._closed(60 + line % 8),)))
        return ""

    def _closed(self, minutes: int) -> Slot:
        return Slot(EVERY_DAY, self.begins, (self.begins + minutes) % DAY, everything=True)

    def _away(self) -> int:
        """A minute at which nothing is measured."""
        return (self.begins + 12 * 60) % (DAY - 60)


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--plans", type=int, default=50_000)
    parser.add_argument("--margin", type=int, default=240, help="seconds for the store and the resync")
    chosen = parser.parse_args()
    minute = (int(time.time()) + chosen.margin) // 60 * 60 + 60
    wall = datetime.fromtimestamp(minute, ZoneInfo(ZONE))
    plans = Plans(chosen.plans, wall.hour * 60 + wall.minute)
    with tempfile.TemporaryDirectory(prefix="filterd-planned-") as work:
        world = World(Path(work), chosen.lines, 100_000, plans.of)
        world.make()
        resolver = Resolver(world)
        resolver.start()
        try:
            return measure(world, resolver, minute)
        finally:
            resolver.kill()


def measure(world: World, resolver: Resolver, minute: int) -> int:
    """Orders at rest, and around the minute at which the plans change."""
    show("full resync with the plans", f"{resolver.until_ready():.1f} s")
    left = minute - time.time() - AROUND - REST
    if left < 0:
        sys.stdout.write(f"the resolver was ready {-left:.0f} s too late: give --margin more seconds\n")
        return 1
    time.sleep(left)
    with Orders(world, resolver) as orders, Asking(resolver) as asking:
        time.sleep(REST)
    orders.report("at rest")
    asking.report("at rest")
    with Orders(world, resolver) as beside, Asking(resolver) as meanwhile:
        closed = closed_at(resolver, minute + AROUND)
        time.sleep(max(0.0, minute + AROUND - time.time()))
    beside.report(f"in the {2 * AROUND} s in which the plans change")
    meanwhile.report("in the same")
    show("a line closed after its minute had begun", f"{(closed - minute) * 1000:.0f} ms")
    ranked = sorted(orders.taken + beside.taken)
    p99 = ranked[int(len(ranked) * 0.99)]
    show("all orders", f"{spread(ranked)} (bar for p99: {BAR:.0f} s)")
    return 0 if p99 < BAR and minute <= closed < minute + AROUND else 1


def closed_at(resolver: Resolver, limit: float) -> float:
    """When line 1 gets no name any more, Unix seconds; ``limit`` if it still does then."""
    with resolver.socket() as asking:
        asking.settimeout(10)
        while time.time() < limit:
            if ask(asking, "shop.example") == NXDOMAIN:
                return time.time()
            time.sleep(0.005)
    return limit


if __name__ == "__main__":
    sys.exit(main())
