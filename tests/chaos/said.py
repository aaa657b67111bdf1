"""The statements of the product about itself, side by side: commands, pages, metrics and DNS.

A thread takes samples through a round. For each sample :func:`disagreements` tells which of them contradict
each other, and :class:`Spans` for how long that went on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field

from filterd.operations import explain, nodes
from filterd.operations.context import Context, open_context
from tests.chaos.asker import Asker, Seen
from tests.chaos.site import Site
from tests.chaos.truth import Answer, Kind, Name

PERIOD = 0.1
"""between two samples"""
FRESH = 0.6
"""seconds for which the last answer to a name counts as the present one"""
SMALL_LAG = 1.0
"""seconds of lag that stand for: everything is applied"""
UNFILTERED = "unfiltered"
"""how the disagreements end in which something is blocked or in force, and DNS serves it"""


@dataclass(frozen=True)
class Said:
    """One sample. None or 0: nobody answered."""

    at: float
    node_ready: bool | None = None
    """by ``node list``"""
    applied: int = 0
    """the revision up to which the node has the orders, by ``node list``"""
    head: int = 0
    """the revision of the store, by ``node list``"""
    checks: dict[Name, str] = field(default_factory=dict)
    """``verdict reason`` of ``check``"""
    ready: int = 0
    """status of /readyz of the resolver"""
    control: int = 0
    """the same of control"""
    lag: float | None = None
    dns: dict[Name, Seen] = field(default_factory=dict)
    note: str = ""
    """why ``node list`` or ``check`` could say nothing"""

    def line(self, name: Name | None) -> str:
        """The sample in words."""
        node = {None: "nothing", True: "ready", False: "not ready"}[self.node_ready]
        told = [f"node list: {node}, orders at {self.applied} of {self.head}"]
        told.append(f"/readyz: {self.ready or 'silent'}, control {self.control or 'silent'}")
        told.append("lag: " + ("silent" if self.lag is None else f"{self.lag:.1f} s"))
        if name is not None:
            seen = self.dns.get(name)
            told.append(f"check: {self.checks.get(name, 'nothing')}")
            told.append(f"DNS: {seen.answer.value if seen else 'not asked'}")
        return "; ".join(told)


def disagreements(said: Said) -> dict[str, Name | None]:
    """The contradictions in a sample, each with a name that shows it."""
    found: dict[str, Name | None] = {}
    for name, seen in said.dns.items():
        if said.at - seen.sent > FRESH or name.kind is not Kind.MANDATORY:
            continue
        if name.must_be_blocked(seen.sent, said.at) and seen.answer is Answer.UNFILTERED:
            found |= dict.fromkeys(_claims(said, name), name)
        verdict = said.checks.get(name, "")
        if verdict.startswith("pass") and seen.answer is Answer.BLOCKED and name.in_force:
            found["check: pass, DNS: blocked"] = name
    failed = [seen.answer for name, seen in said.dns.items() if _is_fresh_control(said, name, seen)]
    if said.ready == 200 and failed and Answer.UNFILTERED not in failed:
        found["/readyz: ready, DNS: no answers"] = None
    if said.control == 200 and said.ready and said.node_ready is not None:
        if said.node_ready != (said.ready == 200):
            found["node list and /readyz"] = None
        if said.applied < said.head and said.lag is not None and said.lag < SMALL_LAG:
            found["node list: behind, lag: 0"] = None
    return found


def _claims(said: Said, name: Name) -> list[str]:
    """The parts that say, of a name that is served, that it is blocked or that all is well."""
    found = []
    if said.node_ready and name.revision and said.applied >= name.revision:
        found.append(f"node list: ready and applied, DNS: {UNFILTERED}")
    if said.checks.get(name, "").startswith("block"):
        found.append(f"check: blocked, DNS: {UNFILTERED}")
    if said.ready == 200:
        found.append(f"/readyz: ready, DNS: {UNFILTERED}")
    if said.lag is not None and said.lag < SMALL_LAG:
        found.append(f"lag: 0, DNS: {UNFILTERED}")
    return found


def _is_fresh_control(said: Said, name: Name, seen: Seen) -> bool:
    return name.kind is Kind.CONTROL and said.at - seen.sent <= FRESH


@dataclass
class Span:
    """How long a contradiction lasted at most, and what was said at its end."""

    seconds: float
    words: str


@dataclass
class Spans:
    """The longest contradictions of a round."""

    longest: dict[str, Span] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    def take(self, said: Said) -> None:
        """A further sample."""
        found = disagreements(said)
        for what in [each for each in self._since if each not in found]:
            del self._since[what]
        for what, name in found.items():
            seconds = said.at - self._since.setdefault(what, said.at)
            if what not in self.longest or self.longest[what].seconds < seconds:
                self.longest[what] = Span(seconds, said.line(name))

    def forget(self) -> None:
        """Begin anew: what follows is counted by itself."""
        self._since.clear()

    @property
    def pending(self) -> bool:
        """True if two parts contradict each other at this moment."""
        return bool(self._since)

    def worst(self) -> tuple[str, Span] | None:
        """The longest of all."""
        return max(self.longest.items(), key=lambda each: each[1].seconds, default=None)


@dataclass
class Listener:
    """Takes samples of an installation in a thread of its own."""

    site: Site
    asker: Asker
    during: Spans = field(default_factory=Spans)
    """until the recovery"""
    after: Spans = field(default_factory=Spans)
    last: Said | None = None
    recovered: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def new_round(self) -> tuple[Spans, Spans]:
        """Begin anew; the spans of the round that is over."""
        before = self.during, self.after
        self.during, self.after, self.recovered = Spans(), Spans(), False
        return before

    def _run(self) -> None:
        while not self._ended.is_set():
            said = asyncio.run(self.sample())
            self.last = said
            (self.after if self.recovered else self.during).take(said)
            self._ended.wait(PERIOD)

    async def sample(self) -> Said:
        """A sample. DNS is taken last: its answers are those of the moment in which the rest was said."""
        asked = [name for name in self.asker.truth.of(Kind.MANDATORY) if name.in_force and name.stored][-2:]
        node_ready, applied, head, checks, note = None, 0, 0, {}, ""
        try:
            with self.site.looking_in:
                async with open_context(self.site.settings, actor="listener") as context:
                    for status in await nodes.list_nodes(context):
                        node_ready = status.report.ready and not status.silent
                        applied, head = status.report.mandatory_revision, await _newest_order(context)
                    for name in asked:
                        checked = await explain.explain(context, name.name)
                        checks[name] = f"{checked.verdict} {checked.reason}"
        except Exception as error:  # whatever it is: the installation is being damaged
            note = f"{type(error).__name__}: {error}"
        ready, control = self.site.http("resolver", "/readyz")[0], self.site.http("control", "/readyz")[0]
        lag = self.site.lag() if ready else None
        at, seen = time.monotonic(), dict(self.asker.seen)
        return Said(at, node_ready, applied, head, checks, ready, control, lag, seen, note)


async def _newest_order(context: Context) -> int:
    """The revision of the newest change that nodes apply as an order."""
    from filterd.model.changelog import MANDATORY
    from filterd.store import change_log

    async with context.store.read() as connection:
        return await change_log.newest_of(connection, MANDATORY)
