"""Use cases that are killed at a random moment.

An act that was acknowledged holds. One that was not is whole or absent: the store says which, and DNS says
the same. After the act has come to its end once, and retention has run, no file is left that was not there
before and has no place in the state directory.
"""

from __future__ import annotations

import contextlib
import re
import time
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from filterd.config.settings import OrderSettings
from filterd.model.subscriber import Subscriber
from filterd.operations import audit, key_rotation, snapshots, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.orders import showing, taking
from filterd.operations.privacy import retention
from filterd.store.errors import StoreError
from tests.chaos import site as sites
from tests.chaos.case import Case, Round
from tests.chaos.performer import Performer
from tests.chaos.site import order_of
from tests.chaos.truth import NEVER, Kind, Name

KILLS = 4
LONGEST = 1.2
"""part of an act's usual time after which it is killed at the latest: some come to their end"""
DRAFTS_SECONDS = 10.0
"""in which control has finished what it writes at this moment"""
NUMBER = re.compile(r"[0-9a-f]{8,}|\d+")
PLACED = re.compile(
    r"(-wal|-shm|-journal|\.lock|\.sock|\.log)$|^state/(ledger|node|feeds|sessions[^/]*|snapshots)/[^.][^/]*"
    r"|^state/keys/\w+\.key$|^state/(backups|sessions-)|^state/feeds/[^/]+/\.read_from$|^(policies|cli)"
)
"""files of an installation that may come and go while it works"""


class KilledAct(Case):
    """One act, killed some times."""

    act: ClassVar[str]
    patience = 4.0
    agreement = 6.0
    counted = frozenset({Kind.MANDATORY, Kind.CHOICE})
    weight = 3

    def fault(self, round_: Round) -> None:
        self._before = set(files_of(round_))
        self.prepare(round_)
        for _ in range(KILLS):
            self.one(round_)

    def prepare(self, round_: Round) -> None:
        """Bring about what the act needs."""

    @abstractmethod
    def one(self, round_: Round) -> None:
        """Begin the act, kill it, and look at what came of it."""

    def killed(self, round_: Round, *words: str, approvals: int = 1, actor: str = "ana") -> bool:
        """Perform the act, and kill it; True if it was acknowledged before."""
        ended = self._perform(
            round_, *words, after=round_.draw.uniform(0.0, LONGEST), approvals=approvals, actor=actor
        )
        round_.require(ended in (0, -9), f"{self.act} ended with {ended}")
        return ended == 0

    def finish(self, round_: Round, *words: str) -> None:
        """Perform the act to its end, as an operator does who repeats the command."""
        ended = self._perform(round_, *words, after=None)
        round_.require(ended == 0, f"{self.act}, repeated after a kill, ended with {ended}")

    def _perform(
        self, round_: Round, *words: str, after: float | None, approvals: int = 1, actor: str = "ana"
    ) -> int:
        ground = round_.ground
        if ground.performer is None:
            ground.performer = Performer(round_.site.folder / "performer.log")
        return ground.performer.perform(
            round_.site.config, self.act, *words, after=after, actor=actor, approvals=approvals
        )

    def recovery(self, round_: Round) -> None:
        proof = round_.site.do(audit.verify)
        round_.require(proof.holds, f"the audit trail: {proof.fault}")
        faults = round_.site.do(audit.compare)
        round_.require(not faults, f"rows are not what was decided: {faults}")
        self.repeat(round_)
        round_.soon(lambda: _is_done(round_), "retention runs")
        until = time.monotonic() + DRAFTS_SECONDS
        while (left := self._left(round_)) and time.monotonic() < until:
            time.sleep(0.2)
        round_.require(not left, f"left behind: {', '.join(left)}")

    def _left(self, round_: Round) -> list[str]:
        return sorted({each for each in files_of(round_) if not PLACED.search(each)} - self._before)

    def repeat(self, round_: Round) -> None:
        """Perform the act once more, to its end."""


def files_of(round_: Round) -> Iterator[str]:
    """The files of the installation, numbers and digests in their names left out."""
    folder = round_.site.folder
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file():
                yield NUMBER.sub("#", path.relative_to(folder).as_posix())


def _is_done(round_: Round) -> bool:
    try:
        round_.site.do(retention.run)
    except (OperationError, StoreError):
        return False
    return True


class _Choice(KilledAct):
    """A line's choice."""

    into: ClassVar[bool]

    def one(self, round_: Round) -> None:
        number = round_.draw.choice(list(round_.ground.choices))
        choice, who = round_.ground.choices[number], f"child-{number}"
        if choice.in_force is self.into:
            round_.opt(number, into=not self.into)
        choice.open_from = NEVER
        choice.free_from = 0.0 if self.into else time.monotonic()
        done = self.killed(round_, who)
        acknowledged = time.monotonic()
        line: Subscriber = round_.site.do(lambda context: subscribers.show(context, who))
        opted = line.choices.opted_in
        round_.require(not done or opted is self.into, f"an acknowledged {self.act} of {who} is lost")
        if opted:
            choice.free_from, choice.blocked_from = 0.0, acknowledged + round_.enforcement
        else:
            choice.free_from = choice.free_from or acknowledged
            choice.blocked_from, choice.open_from = NEVER, acknowledged + round_.enforcement


class KilledOptIn(_Choice):
    """kill -9 in the middle of an opt-in."""

    name = "killed-opt-in"
    act = "opt-in"
    into = True


class KilledOptOut(_Choice):
    """kill -9 in the middle of an opt-out."""

    name = "killed-opt-out"
    act = "opt-out"
    into = False


class _Order(KilledAct):
    """An act on an order of two names."""

    def names(self, round_: Round) -> tuple[Name, Name]:
        """Two names that are not in force, asked for from now on."""
        round_.ground.count += 1
        text = f"k{round_.ground.count}-{round_.draw.randrange(1 << 20):05x}"
        first, second = (Name(f"{text}-{each}.example", Kind.MANDATORY, sites.STRANGER) for each in "ab")
        return round_.ground.truth.add(first), round_.ground.truth.add(second)

    def take_in(self, round_: Round, names: tuple[Name, Name], since: float) -> None:
        """The order is in force: an order of the ground from now on."""
        first, second = names
        found = round_.site.sql("SELECT order_number FROM order_name WHERE name = ?", first.name)
        statement = "SELECT max(revision) FROM change WHERE stream = 'mandatory'"
        first.reference = f"O-{found[0][0]}"
        first.revision = int(round_.site.sql(statement)[0][0])
        first.blocked_from = since + round_.enforcement
        round_.ground.references.add(first.reference)
        round_.ground.orders.append(first)
        round_.ground.truth.forget(second)

    def forget(self, round_: Round, names: tuple[Name, Name]) -> None:
        """There is no such order."""
        for each in names:
            round_.require(round_.ground.asker.now(each).value != "blocked", f"{each.name} is blocked")
            round_.ground.truth.forget(each)

    @staticmethod
    def rows(round_: Round, names: tuple[Name, Name]) -> int:
        """How many of the names stand in the store."""
        statement = "SELECT count(*) FROM order_name WHERE name IN (?, ?)"
        return int(round_.site.sql(statement, *(each.name for each in names))[0][0])


class KilledOrder(_Order):
    """kill -9 in the middle of ``order add``: all of its names are in force, or none."""

    name = "killed-order"
    act = "order"

    def one(self, round_: Round) -> None:
        names = self.names(round_)
        done, since = self.killed(round_, *(each.name for each in names)), time.monotonic()
        rows = self.rows(round_, names)
        round_.require(rows in (0, 2), f"{rows} of 2 names of an order are in the store")
        round_.require(not done or rows == 2, "an acknowledged order is lost")
        if rows:
            self.take_in(round_, names, since)
        else:
            self.forget(round_, names)


class KilledApproval(_Order):
    """kill -9 in the middle of ``order approve`` by a second person."""

    name = "killed-approval"
    act = "approve"

    def one(self, round_: Round) -> None:
        names = self.names(round_)

        async def add(context: Context) -> str:
            two = replace(context, settings=replace(context.settings, orders=OrderSettings(2)))
            return (await taking.add(two, order_of(*(each.name for each in names)))).reference

        reference = round_.site.do(add)
        done, since = self.killed(round_, reference, approvals=2, actor="luis"), time.monotonic()
        order = round_.site.do(lambda context: showing.show(context, reference))
        accepted = order.state.value == "accepted"
        round_.require(not done or accepted, "an acknowledged approval is lost")
        if accepted:
            self.take_in(round_, names, since)
        else:
            self.forget(round_, names)


class KilledWithdrawal(_Order):
    """kill -9 in the middle of ``order withdraw``."""

    name = "killed-withdrawal"
    act = "withdraw"

    def one(self, round_: Round) -> None:
        order = round_.order()
        order.free_from = time.monotonic()
        done, since = self.killed(round_, order.reference), time.monotonic()
        shown = round_.site.do(lambda context: showing.show(context, order.reference))
        withdrawn = shown.state.value == "withdrawn"
        round_.require(not done or withdrawn, "an acknowledged withdrawal is lost")
        if withdrawn:
            order.open_from = since + round_.enforcement
            round_.ground.orders.remove(order)
            round_.ground.withdrawn.append(order)
        else:
            order.free_from, order.blocked_from = 0.0, since + round_.enforcement


class KilledUpdate(KilledAct):
    """kill -9 in the middle of ``feed update`` and ``snapshot build``: the lists of before stay in force, and
    the newer ones are in force once both have come to their end."""

    name = "killed-update"
    act = "update"
    fresh = True

    def one(self, round_: Round) -> None:
        with (round_.site.policies / "lists" / "second.txt").open("a") as file:
            name = Name(f"n{round_.draw.randrange(1 << 30)}.example", Kind.MANDATORY, sites.STRANGER)
            file.write(f"{name.name}\n")
        round_.ground.truth.add(name)
        if self.killed(round_):
            round_.must_hold(name)

    def repeat(self, round_: Round) -> None:
        self.finish(round_)
        round_.must_hold(*(each for each in round_.ground.truth.of(Kind.MANDATORY) if not each.in_force))


class KilledBackup(KilledAct):
    """kill -9 in the middle of a backup: no copy of the store is left that retention does not know."""

    name = "killed-backup"
    act = "backup"
    fresh = True
    _made = 0

    def one(self, round_: Round) -> None:
        self._made += 1
        target = round_.site.folder / f"backup-{self._made}"
        done = self.killed(round_, str(target))
        round_.require(not done or target.is_dir(), "an acknowledged backup is not there")
        if target.is_dir():
            round_.require((target / "manifest.json").is_file(), "a backup without its record")
            self._before |= {each for each in files_of(round_) if each.startswith("backup-#/")}


class KilledRetention(KilledAct):
    """kill -9 in the middle of ``retention run``."""

    name = "killed-retention"
    act = "retention"

    def prepare(self, round_: Round) -> None:
        round_.toggle()

    def one(self, round_: Round) -> None:
        self.killed(round_)


class KilledRotation(KilledAct):
    """kill -9 in the middle of the rotation of the keys that seal and that sign: every key that something is
    sealed with is there."""

    name = "killed-rotation"
    act = "rotate"
    fresh = True

    def one(self, round_: Round) -> None:
        self.killed(round_)
        lost = [each.id for each in round_.site.do(key_rotation.status) if not each.present]
        round_.require(not lost, f"keys that something is sealed with are lost: {lost}")

    def repeat(self, round_: Round) -> None:
        self.finish(round_)
        faults = round_.site.do(audit.verify_signed)
        round_.require(not faults, f"checkpoints: {faults}")
        round_.site.do(snapshots.build)


class KilledRestore(KilledAct):
    """kill -9 in the middle of a restore: repeated, it ends again what was ended since the backup."""

    name = "killed-restore"
    act = "restore"
    fresh = True

    def prepare(self, round_: Round) -> None:
        order = round_.order()
        self._backup = str(round_.site.folder / "backup")
        self._before |= {f"backup/{each}" for each in ("filterd.db", "manifest.json")}
        done = round_.site.run("backup", self._backup)
        round_.require(done.returncode == 0, f"backup: {done.stderr.strip()[-300:]}")
        self._before |= {each for each in files_of(round_) if each.startswith("backup/")}
        late = round_.order()
        round_.withdraw(order)
        round_.opt(1, into=False)
        round_.soon(lambda: not round_.holds(), "all is in force before the restore")
        late.stored = False
        round_.site.stop("control")

    def one(self, round_: Round) -> None:
        self.killed(round_, self._backup)

    def recovery(self, round_: Round) -> None:
        self.finish(round_, self._backup)
        round_.site.start("control")
        super().recovery(round_)


class KilledControl(Case):
    """kill -9 of control at random moments while it reads a changed list and compiles: the list is in force
    in the end."""

    name = "killed-control-update"
    fresh = True
    weight = 3
    agreement = 6.0
    counted = frozenset({Kind.MANDATORY, Kind.CHOICE})

    def fault(self, round_: Round) -> None:
        site = round_.site
        self._names = []
        for _ in range(KILLS):
            name = Name(f"n{round_.draw.randrange(1 << 30)}.example", Kind.MANDATORY, sites.STRANGER)
            with (site.policies / "lists" / "second.txt").open("a") as file:
                file.write(f"{name.name}\n")
            self._names.append(round_.ground.truth.add(name))
            round_.pause(2.0)
            site.kill("control")
            round_.toggle()
            site.start("control")

    def recovery(self, round_: Round) -> None:
        asker = round_.ground.asker
        for name in self._names:
            round_.soon(
                lambda name=name: asker.now(name).value == "blocked",  # type: ignore[misc]  # mypy does not infer defaults of a lambda
                f"{name.name} of the list is blocked",
                30.0,
            )
        round_.must_hold(*self._names)


CASES: tuple[type[Case], ...] = (
    KilledOptIn,
    KilledOptOut,
    KilledOrder,
    KilledApproval,
    KilledWithdrawal,
    KilledUpdate,
    KilledBackup,
    KilledRetention,
    KilledRotation,
    KilledRestore,
    KilledControl,
)
