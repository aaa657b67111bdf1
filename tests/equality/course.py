"""One course: batches of packets to both sides, and after each everything that came of it compared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from random import Random
from typing import Any

from filterd.dataplane.slow.slowpath import MAX_WAITING
from filterd.dataplane.tables.epoch import collect
from filterd.wire import codec
from filterd.wire.names import name_from_text
from filterd.wire.status import Status
from tests.equality import packets, surroundings
from tests.equality.packets import Asker
from tests.equality.reference import ReferenceSide
from tests.equality.script import OPT, Script
from tests.equality.sides import (
    Answers,
    DatagramSide,
    FastSide,
    LoopClock,
    Numbered,
    Side,
    SideSettings,
    SlowSide,
)
from tests.equality.surroundings import Surroundings
from tests.worlds import policy_strategies
from tests.worlds.virtual_time import VirtualLoop

BATCHES = (1, 1, 1, 2, 3, 5, 8, 9, 16, 40, 64, 65, 90)
"""packets that come in one go"""
PAUSES = (0.0, 0.0, 0.0, 1 / 64, 1 / 64, 0.25, 0.25, 1.0, 2.0, 4.0, 27.5, 27.5, 31.0, 55.0, 272.0)
"""seconds; some lead into the last tenth of a TTL, when answers are asked for again, or past its end"""
LONG_PAUSES = (3700.0, 90_000.0)
MOMENT = 1 / 64
"""seconds; time goes on only where nothing is left to do on either side"""
LAST_PAUSE = 8.0
"""seconds after which nothing waits for an upstream any more"""
CACHES = (1 << 16, 1 << 20, 1 << 22)
WINDOWS = (0, 60, 86_400, 86_400)
ROOMY = (1 << 14, 1 << 14)
"""buckets beside the reference, whose memory has no end; the largest cache does not evict in one course"""
QUOTAS = (12, 40, *(MAX_WAITING,) * 4)
HOT_NAMES = 40
"""of each policy, beside those of the mixed ones"""
SAFE_HOSTS = frozenset(map(name_from_text, ("safe.example", "safe.b.example")))
"""of all policies of the courses"""
SHOWN = 3
"""differing cases that a report tells of"""


@dataclass(slots=True)
class Outcome:
    """The result of a course."""

    seed: int
    cases: int = 0
    differences: list[str] = field(default_factory=list)
    """of the first batch that had any: the course ends there"""
    counted: Counter[str] = field(default_factory=Counter)
    """cases by what became of them"""


class Course:
    """Everything follows from ``seed``. ``whole``: over the policy with every state of a mandate. ``native``:
    the fast side's threads ask the upstream themselves; what they left is all that punts are for.
    ``reference``: the reference takes the place of the slow path."""

    def __init__(
        self, seed: int, *, whole: bool = False, native: bool = False, reference: bool = False
    ) -> None:
        self.random = random = Random(seed)
        self.native = native
        self.outcome = Outcome(seed)
        self.script = Script((), (), real=native)
        rules = surroundings.some_rules(random)
        settings = SideSettings(
            rules,
            surroundings.some_prefixes(random, packets.FRONTS),
            surroundings.some_prefixes(random, packets.SENDERS),
            self.script,
            CACHES[-1] if native or reference else random.choice(CACHES),
            random.choice(WINDOWS),
            MAX_WAITING if native else random.choice(QUOTAS),
            *(ROOMY if reference else ()),
        )
        clock = LoopClock(asyncio.get_running_loop())
        self.slow: DatagramSide = ReferenceSide(settings, clock) if reference else SlowSide(settings, clock)
        self.fast = FastSide(settings, clock, Random(seed))
        # A query beyond the quota gets a stale answer: on the slow path before the next packet is looked at,
        # on the fast path behind the batch. Within the quota the state may change before punts are taken,
        # unless some were left undecided.
        self.changes_within = settings.quota == MAX_WAITING
        self.around = Surroundings(random, (self.slow, self.fast), settings, clock, whole)
        if random.random() < 0.5:
            self.around.change_limit()
        self._name()
        self.asker = Asker(random, self.script.names, rules.cookie_secrets, tcp=0.0 if native else 0.03)

    async def run(self, cases: int) -> Outcome:
        """So many, or as many as there are until the sides differ."""
        try:
            while self.outcome.cases < cases and not self.outcome.differences:
                batch = min(self.random.choice(BATCHES), 64 if self.native else max(BATCHES))
                await self._batch(min(batch, cases - self.outcome.cases))
            await asyncio.sleep(LAST_PAUSE)
            self._compare([])
            self._count()
        finally:
            await self.slow.close()
            await self.fast.close()
        return self.outcome

    def _name(self) -> None:
        """Name what clients ask for and answers lead to: names of the policies, and names near them."""
        names = [*policy_strategies.NAMES, *policy_strategies.OTHER_NAMES, "harmless.test", "help.example"]
        addresses = [*policy_strategies.ADDRESSES, "203.0.113.7"]
        for ground in self.around.grounds:
            names += self.random.sample(ground.names, min(HOT_NAMES, len(ground.names)))
            addresses += self.random.sample(ground.addresses, min(HOT_NAMES, len(ground.addresses)))
        self.script.names = [name_from_text(name) for name in names]
        self.script.addresses = [ip_address(text).packed for text in addresses]

    async def _batch(self, size: int) -> None:
        random = self.random
        batch = [self._next() for _ in range(size)]
        self.fast.busy = self.around.tables(size) if random.random() < 0.08 else ()
        self.slow.receive(batch)
        self.fast.receive(batch)
        if self.changes_within and not self.fast.busy and random.random() < 0.3:
            self.around.change()
        self.fast.forward()
        self.fast.take()
        await asyncio.sleep(random.choice(LONG_PAUSES if random.random() < 0.005 else PAUSES))
        await asyncio.sleep(MOMENT)
        self._compare(batch)
        for _ in range(random.choice((0, 0, 1, 2))):
            self.around.change()
        if random.random() < 0.2:
            self.around.change_between_batches()
        collect()

    def _next(self) -> Numbered:
        """A case whose answer its message id will tell."""
        number = self.outcome.cases
        flying = (number & 0xFFFF).to_bytes(2, "big")
        while True:
            case = self.asker.case(number & 0xFFFF, self.around.now)
            found = self.around.unwrap.datagram(case.packet, case.peer)
            if found is None or found[1] == case.peer or found[0][:2] == flying:
                break  # else a header that was changed says that the message begins somewhere else
        self.fast.flying[flying] = number
        self.around.recent = self.asker.kept
        self.outcome.cases += 1
        return number, case

    # ---- comparing ----

    def _compare(self, batch: Sequence[Numbered]) -> None:
        """Everything that both sides did since the last time."""
        slow, fast = self.slow.answers, self.fast.answers
        self.slow.answers, self.fast.answers = {}, {}
        cases = dict(batch)
        if self.native and slow != fast:
            slow, fast = _without_ttls(slow), _without_ttls(fast)
        if slow != fast:
            for number in [n for n in sorted({*slow, *fast}) if slow.get(n) != fast.get(n)][:SHOWN]:
                case = cases.get(number)
                told = f"{case.packet.hex()} from {case.peer.hex()}" if case else "of an earlier batch"
                self._differ(f"case {number}, {told}", slow.get(number), fast.get(number))
        traces = _native_traces if self.native else _traces
        for what, value in traces(self.slow).items():
            other = traces(self.fast)[what]
            if value != other:
                self._differ(what, value, other)
        self.slow.upstreams.asked.clear()
        self.fast.upstreams.asked.clear()
        dropped = self.fast.dropped()
        if dropped.pop("no_proxy_header") != self.slow.without_header or any(dropped.values()):
            self._differ("datagrams dropped", self.slow.without_header, self.fast.dropped())

    def _differ(self, what: str, slow: object, fast: object) -> None:
        self.outcome.differences.append(f"{what}\n  {self.slow.name} {slow}\n  fast {fast}")

    def _count(self) -> None:
        """Count what became of the cases, as the fast side does."""
        counts, counted = self.fast.packets.counts(), self.outcome.counted
        counted.update({" ".join(verdict): count for verdict, count in counts["verdicts"].items()})
        counted.update(refused=counts["refused"], malformed=counts["malformed"])
        counted.update(not_ready=counts["not_ready"], reduced=counts["reduced"])
        counted.update(too_large=counts["too_large"], ech_stripped=counts["ech_stripped"])
        counted.update({f"identified {method}": count for method, count in counts["identified"].items()})
        counted.update({f"unrecognised {family}": count for family, count in counts["unrecognised"].items()})
        counted.update({f"lookup {result}": count for result, count in counts["lookups"].items()})
        for (action, _), count in counts["rate_limited"].items():
            counted[f"limited {action}"] += count
        for drops in (counts["drops"], self.fast.record.drops, self.fast.dropped()):
            counted.update({f"drop {reason}": count for reason, count in drops.items()})
        counted.update({f"punt {reason}": count for reason, count in self.fast.punts().items()})
        counted.update({f"upstream {which}": count for which, count in self.fast.misses().items()})
        counted.update(category=sum(counts["categories"].values()), tcp=counts["queries"]["tcp"])


def _without_ttls(answers: Answers) -> Answers:
    """The answers without their TTLs. Where threads forward, a refresh of one name and a question about
    another may change places: an answer is as old as it was, or new."""
    return {number: [(when, _ageless(answer)) for when, answer in each] for number, each in answers.items()}


def _ageless(answer: bytes) -> bytes:
    changed, records = bytearray(answer), codec.records(answer)
    if not isinstance(records, Status):
        for record in records:
            if record.type != OPT:
                changed[record.data_offset - 6 : record.data_offset - 2] = bytes(4)
    return bytes(changed)


def _traces(side: Side) -> dict[str, Any]:
    """The traces of a side, beside its answers."""
    return {
        "what upstreams were asked": side.upstreams.asked,
        "counts": side.packets.counts(),
        "cache": side.cache_counters(),
        "drops": side.record.drops,
    }


def _native_traces(side: Side) -> dict[str, Any]:
    """The same where threads forward: they ask once for all who wait, and who is led to a safe host may find
    that another's answer has just come, or wait for it too. Only the former has asked the cache for it, and
    only what was asked for before is renewed early."""
    counts, cache = side.packets.counts(), side.cache_counters()
    del counts["lookups"]["hit"], counts["lookups"]["miss"], counts["lookups"]["prefetch"]
    counts["too_large"] = 0
    return {
        "what upstreams were asked": {
            each for each in side.upstreams.asked if each[1].name not in SAFE_HOSTS
        },
        "counts": counts,
        "cache": (cache.entries, cache.evicted, cache.expired, cache.flushed),
        "drops": side.record.drops,
    }


def run(
    seed: int, cases: int, *, whole: bool = False, native: bool = False, reference: bool = False
) -> Outcome:
    """One course."""

    async def go() -> Outcome:
        return await Course(seed, whole=whole, native=native, reference=reference).run(cases)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(go())
