"""A week of refreshes, one a minute, against a server that misbehaves: nothing that is in force gets lost.

The real pipeline, over TLS on loopback, with a clock that stands still during a refresh. After each refresh
the versions in force are looked at in the store and in their files.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import minisign

from filterd.fetch.request import Limits
from filterd.operations.context import Context
from filterd.operations.feeds import listing, rule_files, updating
from filterd.operations.feeds.obtaining import Fetching
from filterd.policy.documents import Use
from tests.worlds.fetched import Fetched, fetched
from tests.worlds.fetched import fetching as fetches
from tests.worlds.list_server import Fault

WEEK = 10_080
MINUTE = 60
EACH = 100
"""the least number of refreshes with each fault, in a whole week"""
LISTS = {"adult": "adult", "gambling": "gambling", "dating": "adult", "betting": "gambling"}
"""feed -> its category"""
MANDATORY = "worst"
NAMES = 60
SHRINK = 0.5
"""the guard of every feed, by default"""

OTHER_CONTENT = (Fault.EXCHANGED, Fault.LYING_ETAG, Fault.LONG, Fault.PAGE, Fault.EMPTY, Fault.ONE_NAME)
"""faults that only a signature, or a guard, tells from a good list"""
USUAL = Limits(size=1 << 20, attempts=2)
SHORT = Limits(size=1 << 20, connect=5.0, stall=0.2, total=1.0, patience=0.2, attempts=2)
"""for a server that misbehaves"""


@dataclass(slots=True)
class Figures:
    """The outcomes of the refreshes."""

    refreshes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """refreshes that met each fault"""
    served: Counter[str] = field(default_factory=Counter)
    """answers that the server gave with each fault"""
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """by fault and outcome"""
    not_modified: int = 0
    broken: list[str] = field(default_factory=list)
    """what was in force and should not, or the other way round"""

    def table(self) -> Iterator[str]:
        """Each fault with its refreshes and their outcomes."""
        for fault, count in sorted(self.faults.items()):
            outcomes = sorted((how, number) for (of, how), number in self.outcomes.items() if of == fault)
            told = ", ".join(f"{how} {number}" for how, number in outcomes)
            yield f"{fault:16} {count:6}  {told}"
        yield f"refreshes {self.refreshes}, answers of 304 {self.not_modified}, broken {len(self.broken)}"


def listed(feed: str, number: int) -> bytes:
    """The names of a feed after so many changes: each takes a name or two away and brings others."""
    kept = [at for at in range(NAMES) if at != number % 10]
    more = range(NAMES + number % 7, NAMES + number % 7 + 3)
    return b"".join(b"%s-%d.example\n" % (feed.encode(), at) for at in (*kept, *more))


@dataclass(slots=True)
class Campaign:
    """The refreshes of some time."""

    world: Fetched
    chance: random.Random
    figures: Figures = field(default_factory=Figures)
    good: dict[str, set[str]] = field(default_factory=dict)
    """by feed: the names of the last list that its server meant to give"""
    number: Counter[str] = field(default_factory=Counter)
    before: dict[str, int] = field(default_factory=dict)
    """by feed: the names in force before the refresh"""
    key: minisign.KeyPair = field(default_factory=minisign.KeyPair.generate)

    def prepare(self) -> None:
        """Name the feeds."""
        for feed, category in LISTS.items():
            self.world.name(feed, listed(feed, 0), f"category: {category}, refresh: 60s")
        key = self.key.public_key.to_base64().decode()
        use = "mandatory: {authority: Authority, ground: adopted}, refresh: 60s"
        self.world.name(MANDATORY, listed(MANDATORY, 0), f"{use}, signature: {{public_key: {key}}}")
        self._sign()

    def _sign(self) -> None:
        """Put the proof of the mandatory list beside it."""
        digest = hashlib.sha256(self.world.server.lists[MANDATORY]).hexdigest()
        manifest = f"{digest}  names.txt\n".encode()
        comment = f"serial:{self.number[MANDATORY]} feed:{MANDATORY}"
        signature = bytes(self.key.secret_key.sign(manifest, trusted_comment=comment)) + b"\n"
        files = {"/names.txt.sha256": manifest, "/names.txt.sha256.minisig": signature}
        self.world.server.files = files

    async def run(self, refreshes: int, each: int, tell: Callable[[int], None] = lambda done: None) -> None:
        """So many refreshes, ``each`` fault at least so often."""
        plan = self.plan(refreshes, each)
        async with self.world.open() as context:
            fetching = fetches(USUAL, self.chance.randrange(1 << 30))
            done = await updating.update(context, (), fetching=fetching)
            assert all(one.outcome == "updated" for one in done), [one.problem for one in done]
            self.good = {feed: names_of(content) for feed, content in self.world.server.lists.items()}
            await self.look(context, "", Fault.NONE)
            for at, (feed, fault) in enumerate(plan):
                self.world.installation.now += MINUTE
                await self._refresh(context, fetching, feed, fault)
                tell(at + 1)
        self.figures.served = Counter({fault.value: n for fault, n in self.world.server.served.items()})
        self.figures.not_modified = self.world.server.not_modified

    def plan(self, refreshes: int, each: int) -> list[tuple[str, Fault]]:
        """Feed and fault of each refresh, by chance; half of those left over are without a fault."""
        faults = [fault for fault in Fault if fault is not Fault.NONE]
        sure = [(self._victim(), fault) for fault in faults for _ in range(each)]
        if len(sure) > refreshes:
            message = f"{len(faults)} faults, {each} times each, take {len(sure)} refreshes"
            raise ValueError(message)
        others = self.chance.choices([Fault.NONE, *faults], [len(faults), *(1 for _ in faults)], k=refreshes)
        plan = sure + [(self._victim(), fault) for fault in others[len(sure) :]]
        self.chance.shuffle(plan)
        return plan

    def _victim(self) -> str:
        """The feed whose server misbehaves."""
        return self.chance.choice([*LISTS, MANDATORY, MANDATORY])

    async def _refresh(self, context: Context, fetching: Fetching, feed: str, fault: Fault) -> None:
        server = self.world.server
        if self.chance.random() < 0.3:  # the list itself goes on meanwhile
            self.number[feed] += 1
            server.lists[feed] = listed(feed, self.number[feed])
            if feed == MANDATORY:
                self._sign()
        server.faults = {feed: fault}
        fetching.limits = USUAL if fault is Fault.NONE else SHORT
        (done,) = await updating.update(context, [feed], fetching=fetching)
        if fault is Fault.NONE and done.outcome not in {"updated", "unchanged"}:
            self.figures.broken.append(f"{self.figures.refreshes}: {feed}: a good list: {done.problem}")
        if done.outcome == "updated" and (feed == MANDATORY or fault not in OTHER_CONTENT):
            self.good[feed] = names_of(server.lists[feed])
        self.figures.refreshes += 1
        self.figures.faults[fault] += 1
        self.figures.outcomes[fault, done.outcome] += 1
        await self.look(context, feed, fault)

    async def look(self, context: Context, feed: str, fault: Fault) -> None:
        """Compare what is in force with what may be."""
        for status in await listing.list_feeds(context):
            name, version = status.feed.id, status.version
            where = f"{self.figures.refreshes}: {feed} {fault}: {name}"
            if version is None:
                self.figures.broken.append(f"{where} has no version in force")
                continue
            if status.feed.use is Use.MANDATORY and self._text(name, version.version) != self.good[name]:
                self.figures.broken.append(f"{where} is not the last good one")
            if version.names < (1 - SHRINK) * self.before.get(name, 0):
                self.figures.broken.append(f"{where} fell to {version.names} names")
            self.before[name] = version.names

    def _text(self, feed: str, version: int) -> set[str]:
        path = rule_files.rule_file(self.world.installation.settings.state_dir, feed, version)
        return names_of(path.read_bytes())


def names_of(content: bytes) -> set[str]:
    """The names of a list, one a line."""
    return {line.split()[0] for line in content.decode("ascii").splitlines()}


async def played(folder: Path, refreshes: int, each: int, seed: int, tell: Callable[[int], None]) -> Figures:
    """A campaign in a folder of its own."""
    async with fetched(folder) as world:
        campaign = Campaign(world, random.Random(seed))
        campaign.prepare()
        await campaign.run(refreshes, each, tell)
        return campaign.figures
