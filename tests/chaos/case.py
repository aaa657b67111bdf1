"""One round of a case: an operator who gives orders, a fault, a recovery, and what must hold in the end."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from filterd.operations import subscribers
from filterd.operations.context import OperationError
from filterd.operations.orders import ending, taking
from filterd.store.errors import StoreError
from tests.chaos import disk_faults
from tests.chaos import site as sites
from tests.chaos.asker import Asker
from tests.chaos.history import History
from tests.chaos.performer import Performer
from tests.chaos.said import UNFILTERED, Listener
from tests.chaos.site import ROLES, Site, order_of
from tests.chaos.truth import NEVER, Answer, Kind, Name, Truth

ENFORCEMENT = 1.0
"""seconds after its acknowledgement in which an order may not be in force yet, where the resolver runs"""
AGREEMENT = 5.0
"""seconds for which two parts may say different things: at any time of what is served although it is in force
by one of them, of all else after the recovery"""
SETTLING = 8.0
"""seconds after the recovery in which all must hold"""
KEPT_ORDERS = 6
"""orders that a round leaves in force at most, for the next one"""


@dataclass
class Ground:
    """A running installation with those who ask and listen, for one round or for many."""

    site: Site
    asker: Asker
    listener: Listener
    truth: Truth
    orders: list[Name] = field(default_factory=list)
    """in force, oldest first"""
    withdrawn: list[Name] = field(default_factory=list)
    choices: dict[int, Name] = field(default_factory=dict)
    """a child's number -> its name of a category"""
    count: int = 0
    references: set[str] = field(default_factory=set)
    """of every order that was ever acknowledged"""
    history: History | None = None
    """the moments that a round may put its state together from"""
    performer: Performer | None = None
    """performs the acts that are killed, from the first one on"""

    def close(self) -> None:
        """End all."""
        if self.performer is not None:
            self.performer.close()
        self.listener.stop()
        self.asker.stop()
        self.site.close()


def ground_on(site: Site, roles: tuple[str, ...]) -> Ground:
    """The template's state of things, asked for from before these roles are started."""
    truth = Truth()
    asker = Asker(site.port, truth)
    ground = Ground(site, asker, Listener(site, asker), truth)
    now = time.monotonic()
    for name in (sites.LISTED, sites.SECOND, sites.STANDING):
        truth.add(Name(name, Kind.MANDATORY, sites.STRANGER, now, ends=name == sites.STANDING))
    truth.add(Name("harmless.example", Kind.CONTROL, sites.STRANGER))
    truth.add(Name("harmless.example", Kind.CONTROL, sites.CHILDREN[0]))
    for number, address in enumerate(sites.CHILDREN, 1):
        blocked_from, open_from = (now, NEVER) if number == 1 else (NEVER, now)
        choice = Name(sites.CATEGORY, Kind.CHOICE, address, blocked_from, open_from=open_from)
        ground.choices[number] = truth.add(choice)
    asker.start()
    ground.listener.start()
    for role in roles:
        site.start(role)
    if "resolver" in roles:
        site.wait(lambda: site.http("resolver", "/readyz")[0] == 200, "the resolver is ready")
    return ground


@dataclass
class Round:
    """The surroundings of a case. ``draw`` is the round's own randomness."""

    ground: Ground
    draw: random.Random
    enforcement: float = ENFORCEMENT
    failures: list[str] = field(default_factory=list)
    numbers_repeat: bool = False
    """whether nothing is left that knows which numbers were given out"""
    patience: float = 1.0
    """what :data:`SETTLING` is multiplied by"""
    said: str = ""
    """the part of the product that said that something was lost, and its words"""

    @property
    def site(self) -> Site:
        """The installation."""
        return self.ground.site

    def require(self, holds: bool, what: str) -> None:
        """Note what did not hold."""
        if not holds:
            self.failures.append(what)

    def soon(self, condition: Callable[[], bool], what: str, seconds: float = AGREEMENT) -> bool:
        """True if it comes to hold; noted where it does not."""
        until = time.monotonic() + seconds
        while not (held := condition()) and time.monotonic() < until:
            time.sleep(0.02)
        self.require(held, f"never: {what}")
        return held

    def pause(self, most: float) -> None:
        """Let a random time pass."""
        time.sleep(self.draw.uniform(0.0, most))

    # --- acknowledged changes ---

    def order(self, *more: str, exempt: bool = False, not_after: int = 0) -> Name:
        """Give an order, on ``more`` names too; it is acknowledged. ``exempt``: not to be enforced before
        :meth:`must_hold`."""
        self.ground.count += 1
        text = f"o{self.ground.count}-{self.draw.randrange(1 << 20):05x}.example"
        name = Name(text, Kind.MANDATORY, sites.STRANGER, ends=bool(not_after))
        self.ground.truth.add(name)
        try:
            made = self.site.do(
                lambda context: taking.add(context, order_of(name.name, *more, not_after=not_after))
            )
        except BaseException:
            self.ground.truth.forget(name)
            raise
        acknowledged = time.monotonic()
        name.reference, name.revision = made.reference, self._revision_of_newest_order()
        is_new = made.reference not in self.ground.references or self.numbers_repeat
        self.require(is_new, f"{made.reference} was given out twice")
        self.ground.references.add(made.reference)
        if not exempt:
            name.blocked_from = acknowledged + self.enforcement
        self.ground.orders.append(name)
        return name

    def try_order(self, *, exempt: bool = False) -> Name | None:
        """Give an order; None where it is refused, as a writer must where the store is not to be trusted."""
        try:
            return self.order(exempt=exempt)
        except (OperationError, StoreError, OSError):
            return None

    def _revision_of_newest_order(self) -> int:
        statement = "SELECT max(revision) FROM change WHERE stream = 'mandatory'"
        return int(self.site.sql(statement)[0][0])

    def must_hold(self, *names: Name, after: float = ENFORCEMENT) -> None:
        """From now on, and some seconds more, these are in force."""
        for name in names:
            name.blocked_from = min(name.blocked_from, time.monotonic() + after)

    def withdraw(self, name: Name) -> None:
        """End an order."""
        name.free_from = time.monotonic()
        try:
            self.site.do(lambda context: ending.withdraw(context, name.reference, reason="lifted"))
        except BaseException:
            name.free_from = 0.0
            raise
        name.open_from = time.monotonic() + self.enforcement
        self.ground.orders.remove(name)
        self.ground.withdrawn.append(name)

    def opt(self, number: int, *, into: bool) -> None:
        """A child's line is opted in, or out."""
        choice = self.ground.choices[number]
        subscriber = f"child-{number}"
        if into:
            choice.open_from = NEVER
            self.site.do(lambda context: sites.opt_in(context, subscriber))
            choice.free_from, choice.blocked_from = 0.0, time.monotonic() + self.enforcement
        else:
            choice.free_from = time.monotonic()
            self.site.do(lambda context: subscribers.opt_out(context, subscriber, reason="asked"))
            choice.blocked_from, choice.open_from = NEVER, time.monotonic() + self.enforcement

    def toggle(self) -> None:
        """Another choice of a line that is drawn."""
        number = self.draw.choice(list(self.ground.choices))
        self.opt(number, into=not self.ground.choices[number].in_force)

    def is_applied(self, name: Name) -> bool:
        """True if the node says that it has the order on its disk."""
        said = self.ground.listener.last
        return said is not None and said.applied >= name.revision

    # --- the end ---

    def holds(self) -> list[str]:
        """The acknowledged changes that do not hold in DNS at this moment."""
        wrong = []
        for name in self.ground.truth.names:
            wanted = Answer.BLOCKED if name.in_force else Answer.UNFILTERED
            found = self.ground.asker.now(name, tcp=self.draw.random() < 0.2)
            if found is not wanted:
                wrong.append(f"{name.name} ({name.kind.value}) is {found.value}, not {wanted.value}")
        return wrong

    def agreed(self) -> list[str]:
        """The contradictions that are left between the parts, or that the node is not ready."""
        said = self.ground.listener.last
        if said is None or said.at < self._since:
            return ["nothing was said yet"]
        wrong = [] if said.ready == 200 and said.node_ready else [f"not ready: {said.line(None)}"]
        names = [name for name in said.checks if name.in_force]
        wrong += [
            f"check of {name.name}: {said.checks[name]}"
            for name in names
            if said.checks[name] != "block mandatory"
        ]
        return wrong + ([said.note] if said.note else [])

    _since: float = 0.0

    def settle(self) -> tuple[int, list[str]]:
        """Wait until all holds and all agree; how many acknowledged changes do not, and all that is wrong."""
        self._since = time.monotonic()
        self.ground.listener.recovered = True
        while True:
            lost, wrong = self.holds(), self.agreed()
            if (not lost and not wrong) or time.monotonic() > self._since + SETTLING * self.patience:
                return len(lost), lost + wrong
            time.sleep(0.05)

    def tidy(self) -> None:
        """End the oldest orders, so that a ground can be used for many rounds. The nodes have that before the
        next fault: a disk that hangs keeps them from it."""
        for name in self.ground.withdrawn:
            self.ground.truth.forget(name)
        self.ground.withdrawn.clear()
        self.enforcement = ENFORCEMENT  # all runs again
        while len(self.ground.orders) > KEPT_ORDERS:
            self.withdraw(self.ground.orders[0])
        self.soon(lambda: not self.holds(), "the oldest orders have ended")


class Case(ABC):
    """A fault and its recovery. A subclass is a case; its docstring says what is expected."""

    name: ClassVar[str]
    fresh: ClassVar[bool] = False
    """whether each round takes an installation of its own"""
    roles: ClassVar[tuple[str, ...]] = ROLES
    """the roles that run when the fault comes"""
    disks: ClassVar[bool] = False
    """whether it takes faults of disk or clock that are preloaded"""
    weight: ClassVar[float] = 4
    """how often it is drawn, beside the others"""
    slow: ClassVar[bool] = False
    """whether a round takes too long for the suite"""
    enforcement: ClassVar[float] = ENFORCEMENT
    patience: ClassVar[float] = 1.0
    """what :data:`SETTLING` is multiplied by, where control has to read or compile before all holds"""
    agreement: ClassVar[float] = AGREEMENT
    """seconds for which two parts may say different things"""
    counted: ClassVar[frozenset[Kind]] = frozenset({Kind.MANDATORY})
    """the kinds of names of which no answer may be unfiltered"""
    sampled: ClassVar[bool] = True
    """whether the suite plays a round of it"""
    source: ClassVar[str] = ""
    """the template that a fresh installation is copied from (:meth:`.campaign.Campaign.template`)"""

    @classmethod
    def lacks(cls) -> str:
        """The tool that this machine lacks for it; empty where it can be played."""
        return (
            "a C compiler for faults of disk and clock" if cls.disks and not disk_faults.available() else ""
        )

    @abstractmethod
    def fault(self, round_: Round) -> None:
        """Make the world ready, and let it go wrong."""

    @abstractmethod
    def recovery(self, round_: Round) -> None:
        """The steps of an operator, a supervisor or the disk that mend it."""

    def settle(self, round_: Round) -> tuple[int, list[str]]:
        """Wait until all holds; how many acknowledged changes are lost without being said, and all that is
        wrong."""
        return round_.settle()


@dataclass
class Outcome:
    """The result of a round."""

    case: str
    round: int
    questions: int = 0
    unfiltered: int = 0
    without_right: int = 0
    """answers that blocked a name whose end had been acknowledged, or that nobody had asked to be blocked"""
    lost: int = 0
    """acknowledged changes that did not hold in the end, without being said"""
    worst: float = 0.0
    """seconds of the longest contradiction that counts"""
    what: str = ""
    """that contradiction, and what was said"""
    longest: float = 0.0
    """seconds of the longest contradiction of any kind, also in the fault"""
    longest_what: str = ""
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    agreement: float = AGREEMENT
    said: str = ""
    """the words of the product about what was lost"""

    @property
    def good(self) -> bool:
        """True if nothing was wrong."""
        wrong = self.unfiltered or self.without_right or self.lost or self.failures
        return not (wrong or self.worst > self.agreement)


def play(case: Case, ground: Ground, number: int, draw: random.Random) -> Outcome:
    """One round on a ground whose roles run."""
    began = time.monotonic()
    outcome = Outcome(case.name, number, agreement=case.agreement)
    ground.listener.new_round()
    truth, asked = ground.truth, ground.asker.counts.total()
    before = len(truth.unfiltered), len(truth.without_right)
    round_ = Round(ground, draw, case.enforcement, patience=case.patience)
    try:
        case.fault(round_)
        case.recovery(round_)
        outcome.lost, wrong = case.settle(round_)
        round_.failures += wrong
        if not wrong and not case.fresh:
            round_.tidy()
    except Exception as error:
        round_.failures.append(f"{type(error).__name__}: {error}")
    bad = [each for each in truth.unfiltered[before[0] :] if each.kind in case.counted]
    outcome.questions = ground.asker.counts.total() - asked
    outcome.unfiltered = len(bad)
    for name in dict.fromkeys(each.name for each in bad):
        latest = max(each.after for each in bad if each.name == name)
        round_.failures.append(f"{name} was unfiltered, {latest:.1f} s after it had to be blocked")
    blocked = truth.without_right[before[1] :]
    outcome.without_right = len(blocked)
    for name in dict.fromkeys(each.name for each in blocked):
        latest = max(each.after for each in blocked if each.name == name)
        round_.failures.append(f"{name} was blocked, {latest:.1f} s after it had to be open")
    _contradictions(outcome, ground)
    outcome.failures, outcome.said = round_.failures, round_.said
    outcome.seconds = time.monotonic() - began
    return outcome


def _contradictions(outcome: Outcome, ground: Ground) -> None:
    during, after = ground.listener.new_round()
    counted = {what: span for what, span in during.longest.items() if what.endswith(UNFILTERED)}
    for what, span in after.longest.items():
        if what not in counted or counted[what].seconds < span.seconds:
            counted[what] = span
    for what, span in counted.items():
        if span.seconds >= outcome.worst:
            outcome.worst, outcome.what = span.seconds, f"{what} ({span.words})"
    for what, span in [*during.longest.items(), *after.longest.items()]:
        if span.seconds >= outcome.longest:
            outcome.longest, outcome.longest_what = span.seconds, f"{what} ({span.words})"
