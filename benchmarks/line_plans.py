"""The costs of lines with changes of their own: memory, publications, boundaries, a snapshot, daily edits.

``make line-plans`` gives COMBINATIONS lines (50,000) a combination of their own, each with differences to its
profile and a weekly plan that nobody else has, and puts as many lines beside them as make LINES (a million):
300,000 with one of a few plans, the others with a profile. The parts are those of a resolver's node, in this
process and without its journals. Times are those of the wall. The exit status is 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from filterd.dataplane.nodestate.lines import OPTED_IN, LineStep
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.dataplane.nodestate.publisher import Publisher
from filterd.model.adjustments import Adjustments, Difference, policy_key
from filterd.model.mandatory import Mandate, order_id
from filterd.model.rule import Scope
from filterd.model.slot import Slot
from filterd.model.verdict import Kind
from filterd.policy.build import Builder
from filterd.policy.classes import FIRST_FREE_BIT, FIXED, Classes, ListClass
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.overlay import OrderRules
from filterd.policy.published import StateSettings
from filterd.policy.resolve import STRIPPING_WAYS, ProfileRules, to_meta
from filterd.policy.snapshot import Snapshot

KEY = bytes(range(16))
ZONE = "America/Mexico_City"
SHARING = 300_000
"""lines with one of a few plans"""
BAR = 1024
"""bytes of a combination, everything included"""
EDITS = 10_000
TOGETHER = 10
"""edits in one page of the change log"""
DAYS = ((0, 1, 2, 3, 4), (5, 6), (0, 1, 2, 3, 4, 5, 6), (4, 5), (6, 0, 1, 2, 3))
CATEGORIES = tuple(f"category-{number}" for number in range(20))
SERVICES = tuple(f"service-{number}" for number in range(60))
ENGINES, WAYS = ("engine",), ("proxies", "ech")
PROFILES = (
    ProfileRules("children", CATEGORIES[:12], SERVICES[:10], ENGINES, WAYS, strip_ech=True),
    ProfileRules("teenagers", CATEGORIES[:6], SERVICES[:2], ENGINES),
)


def at(text: str) -> int:
    """Unix seconds of a wall-clock time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--combinations", type=int, default=50_000)
    parser.add_argument("--lines", type=int, default=1_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="filterd-plans-") as work:
        bench = Bench(Path(work), chosen.combinations, chosen.lines)
        bench.fill()
        bench.publish_orders()
        bench.pass_boundaries()
        bench.take_snapshot()
        bench.edit()
    for each in bench.missed:
        show("MISSED", each)
    return 1 if bench.missed else 0


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<52} {value}\n")
    sys.stdout.flush()


def spread(seconds: Sequence[float]) -> str:
    """Median and worst, in milliseconds."""
    return f"p50 {statistics.median(seconds) * 1000:.2f} ms, worst {max(seconds) * 1000:.2f} ms"


def timed(work: Callable[[], object]) -> float:
    """The seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def resident() -> int:
    """Bytes of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def make_snapshot(turned: bool) -> Snapshot:
    """One with all lists; where it is turned, their bits are others."""
    placed = [(Kind.CATEGORY, each) for each in CATEGORIES] + [(Kind.SERVICE, each) for each in SERVICES]
    placed += [(Kind.SAFE_SEARCH, each) for each in ENGINES] + [(Kind.BYPASS, each) for each in WAYS]
    numbers = range(FIRST_FREE_BIT, FIRST_FREE_BIT + len(placed))
    lists = [
        ListClass(
            each,
            kind,
            number,
            category=each if kind is Kind.CATEGORY else "",
            target="safe.example" if kind is Kind.SAFE_SEARCH else "",
        )
        for (kind, each), number in zip(placed, reversed(numbers) if turned else numbers, strict=True)
    ]
    builder = Builder(KEY)
    builder.begin_list([FIRST_FREE_BIT])
    builder.add_run(b"listed.example\n")
    meta = {
        "lists": Classes((*FIXED, *lists)).to_meta(),
        "address_prefixes": {"4": [], "6": []},
        "profiles": {each.id: to_meta(each) for each in PROFILES},
        STRIPPING_WAYS: ["ech"],
    }
    content = b"".join(builder.finish(meta, 1, 1, bytes(32)))
    return Snapshot.read(io.BytesIO(content), len(content), KEY)


class Plans:
    """Policy keys, each with a plan that no other has, and each with a slot that begins at 16:00."""

    def __init__(self, count: int) -> None:
        self._chance = random.Random(278)  # noqa: S311 - plans of a benchmark
        made: dict[str, None] = {}
        while len(made) < count:
            made[policy_key("children", self._adjustments())] = None
        self.size = sum(map(len, made)) / count
        self._text = io.StringIO("\n".join(made))
        """none of the keys is kept as it is given out: it counts as memory of those who take it"""

    def key(self) -> str:
        """The next one."""
        return self._text.readline().rstrip("\n")

    def _adjustments(self) -> Adjustments:
        choose = self._chance.choice
        after = Slot((0, 1, 2, 3, 4), 16 * 60, self._quarter(17, 19), services=(choose(SERVICES[10:]),))
        night = Slot(choose(DAYS), self._quarter(20, 23), self._quarter(5, 8), everything=True)
        games = Slot(choose(DAYS), self._quarter(9, 12), self._quarter(13, 15), categories=CATEGORIES[12:14])
        services = Difference((choose(SERVICES[10:]),), (choose(SERVICES[:10]),))
        return Adjustments(services=services, plan=(after, night, games))

    def _quarter(self, first: int, last: int) -> int:
        """A quarter of an hour that is no full one: those change nothing at 16:00 and 21:00."""
        return 60 * self._chance.randint(first, last) + self._chance.choice((15, 30, 45))


def shared_keys() -> list[str]:
    """A few plans that many lines have: closed from 21:00 on."""
    return [
        policy_key("teenagers", Adjustments(plan=(Slot(DAYS[2], 21 * 60, end * 30, everything=True),)))
        for end in range(10, 18)
    ]


class Bench:
    """A node's lines and policies, and the bars that were missed."""

    def __init__(self, work: Path, combinations: int, lines: int) -> None:
        self.missed: list[str] = []
        self._combinations, self._lines = combinations, max(lines, combinations)
        self._plans = Plans(combinations + EDITS)
        self._now = at("2026-11-24T15:50")
        self._orders = 0
        self._disk = NodeDisk(work / "node", KEY)
        self._disk.orders_known = True
        self._publisher = Publisher(self._disk, KEY, StateSettings())
        self._publisher.adopt(make_snapshot(turned=False), self._now)
        self._disk.load(self._publisher.book())
        self._disk.orders_known = True

    @property
    def _recomputed(self) -> int:
        return self._disk.book.recomputed

    def _bar(self, met: bool, words: str) -> None:
        if not met:
            self.missed.append(words)

    def _put(self, first: int, keys: Iterator[str], count: int) -> None:
        """Lines with these numbers and keys, as pages of the change log bring them."""
        for start in range(first, first + count, 1000):
            steps: list[LineStep] = [
                (number, OPTED_IN, next(keys), ZONE, 0, [])
                for number in range(start, min(start + 1000, first + count))
            ]
            self._disk.known.claim_policies(steps)
            self._disk.known.apply(steps)

    def fill(self) -> None:
        """All lines. The first combinations warm what all of them share."""
        self._put(1, iter(self._plans.key, ""), 1000)
        self._publisher.advance(self._now)
        before, count = resident(), self._combinations - 1000
        taken = timed(lambda: self._put(1001, iter(self._plans.key, ""), count))
        taken += timed(lambda: self._publisher.advance(self._now))
        held = (resident() - before) / count
        words = f"{taken:.2f} s; their keys have {self._plans.size:.0f} characters"
        show(f"{count:,} more combinations", words)
        show("bytes of a combination and its line", f"{held:.0f} (bar {BAR})")
        self._bar(held <= BAR, f"a combination takes {held:.0f} B")
        self._put_others()

    def _put_others(self) -> None:
        """The lines that share their combinations."""
        before, others = resident(), self._lines - self._combinations
        first, few = self._combinations + 1, shared_keys()
        sharing = min(SHARING, others)
        taken = timed(lambda: self._put(first, (few[n % len(few)] for n in range(sharing)), sharing))
        taken += timed(lambda: self._put(first + sharing, iter(lambda: "children", ""), others - sharing))
        self._publisher.advance(self._now)
        if others:
            each = (resident() - before) / others
            show(f"{others:,} other lines, {sharing:,} with a few plans", f"{taken:.1f} s, {each:.0f} B each")
        show("indexes of policies", f"{len(self._disk.book):,}")

    def publish_orders(self) -> None:
        """Publications of orders, which must look at no policy."""
        before, seconds = self._recomputed, []
        for _ in range(200):
            self._orders += 1
            name = fingerprint_name(KEY, f"order{self._orders}.example")
            mandate = Mandate(order_id(self._orders), str(self._orders))
            self._disk.orders.apply([OrderRules(mandate, 2, ((name, Scope.SUBTREE),))])
            seconds.append(timed(lambda: self._publisher.renew(self._now)))
        looked = self._recomputed - before
        show("publishing an order", f"{spread(seconds)}; {looked} policies recomputed (bar 0)")
        self._bar(looked == 0, f"orders recomputed {looked} policies")

    def pass_boundaries(self) -> None:
        """Two moments at which schedules change, and those in between."""
        for moment, what in (
            ("2026-11-24T16:00", f"16:00, where {self._combinations:,} plans change"),
            ("2026-11-24T20:59", "20:59, with all between"),
            ("2026-11-24T21:00", f"21:00, where {SHARING:,} lines change"),
        ):
            self._now, before = at(moment), self._recomputed
            states = [timed(lambda: self._publisher.advance(self._now))]
            while self._publisher.unfinished:
                states.append(timed(lambda: self._publisher.advance(self._now)))
            looked = self._recomputed - before
            each = f", {sum(states) / looked * 1e6:.1f} us each" if looked > 1000 else ""
            parts = f" in {len(states)} states, worst {max(states) * 1000:.0f} ms" if states[1:] else ""
            show(what, f"{sum(states) * 1000:.1f} ms{parts}, {looked:,} policies recomputed{each}")
            if what.startswith("21:00"):
                self._bar(looked <= 100, f"a boundary of a few plans recomputed {looked} policies")

    def take_snapshot(self) -> None:
        """A snapshot with other bits for every list."""
        snapshot, before = make_snapshot(turned=True), self._recomputed
        taken = timed(lambda: self._publisher.adopt(snapshot, self._now))
        looked = self._recomputed - before
        show("a new snapshot", f"{taken * 1000:.0f} ms, {looked} schedules looked at")

    def edit(self) -> None:
        """Lines that get another plan of their own, a few at a time, as on many days."""
        book, seconds = self._disk.book, []
        given, held = len(book), book.combinations
        for start in range(1, EDITS + 1, TOGETHER):
            steps: list[LineStep] = [
                (number % self._combinations + 1, OPTED_IN, self._plans.key(), ZONE, 0, [])
                for number in range(start, start + TOGETHER)
            ]
            began = time.perf_counter()
            if self._disk.known.claim_policies(steps):
                self._publisher.advance(self._now)
            self._disk.known.apply(steps)
            seconds.append(time.perf_counter() - began)
        self._publisher.advance(self._now)
        grown, left = len(book) - given, book.combinations - held
        show(f"{EDITS:,} edits, {TOGETHER} at a time", spread(seconds))
        show(
            "indexes and combinations that they leave behind",
            f"{grown} and {left} (bar {3 * TOGETHER} and 0)",
        )
        self._bar(grown <= 3 * TOGETHER and left == 0, f"edits left {grown} indexes, {left} combinations")


if __name__ == "__main__":
    sys.exit(main())
