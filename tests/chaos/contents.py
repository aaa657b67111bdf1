"""Right files with wrong contents: a clock that is ahead, flipped bits, rows changed by hand, policies that
were emptied or cut."""

from __future__ import annotations

import contextlib
import time
from abc import abstractmethod

from filterd.operations import snapshots
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.store.errors import StoreError
from tests.chaos.case import Case, Round
from tests.chaos.damage import damage, files_of
from tests.chaos.truth import NEVER

YEAR = 366 * 86400
TURN_SECONDS = 2.5
"""in which control has read changed policies and compiled"""
COMPILE_SECONDS = 60.0
"""in which a compile, which has the lowest priority, ends on a machine that does other work"""


def compile_now(round_: Round) -> bool:
    """Compile; False where that was refused."""
    try:
        round_.site.do(snapshots.build)
    except (OperationError, StoreError):
        return False
    return True


class ClockAhead(Case):
    """A compile by a clock that is a year ahead: what is in force by the right clock stays in force."""

    name = "clock-ahead-compile"
    weight = 5

    def fault(self, round_: Round) -> None:
        round_.order(not_after=int(time.time()) + round_.draw.randrange(1, 300) * 86400)
        with contextlib.suppress(OperationError, StoreError):
            round_.site.do(snapshots.build, clock=lambda: time.time() + YEAR)
        time.sleep(0.6)

    def recovery(self, round_: Round) -> None:
        round_.site.do(snapshots.build)


class ClockAheadControl(Case):
    """Control's clock is a year ahead, and it compiles by itself: the same."""

    name = "clock-ahead-control"
    disks = True
    weight = 3

    def fault(self, round_: Round) -> None:
        site = round_.site
        round_.order(not_after=int(time.time()) + round_.draw.randrange(1, 300) * 86400)
        before = (site.snapshots / "current").read_bytes()
        site.faults["control"].step_clock(YEAR)
        with (site.policies / "lists" / "adult.txt").open("a") as adult:
            adult.write(f"more-{round_.draw.randrange(1 << 30)}.example\n")
        round_.soon(
            lambda: (site.snapshots / "current").read_bytes() != before, "control compiles", COMPILE_SECONDS
        )
        time.sleep(0.4)

    def recovery(self, round_: Round) -> None:
        round_.site.faults["control"].mend()
        round_.order()


class ClockStep(Case):
    """The resolver's clock steps, and back: what has no end stays in force, new orders are in force in time,
    and what had ended by the wrong clock is in force again."""

    name = "clock-step-resolver"
    disks = True
    weight = 6

    def fault(self, round_: Round) -> None:
        site = round_.site
        order = round_.order()
        round_.soon(lambda: round_.is_applied(order), "the node has the order")
        self._ending = [each for each in round_.ground.truth.names if each.ends and each.in_force]
        for name in self._ending:
            name.blocked_from = NEVER
        site.faults["resolver"].step_clock(round_.draw.choice((1, -1)) * round_.draw.randrange(3600, YEAR))
        if round_.draw.random() < 0.4:
            site.kill("resolver")
            site.start("resolver")
        round_.order()
        time.sleep(round_.enforcement + 0.3)

    def recovery(self, round_: Round) -> None:
        round_.site.faults["resolver"].mend()
        round_.must_hold(*self._ending, after=1.5)


class _ChangedRow(Case):
    """A row of an order is changed past the product; a compile follows. The order stays in force, and
    ``audit verify`` says which row it is."""

    def fault(self, round_: Round) -> None:
        order = round_.order()
        round_.soon(lambda: not round_.holds(), "all is in force before the fault")
        self._number = int(order.reference.partition("-")[2])
        self.change(round_)
        compile_now(round_)
        time.sleep(0.4)
        if round_.draw.random() < 0.4:
            round_.site.kill("resolver")
            round_.site.start("resolver")
        done = round_.site.run("audit", "verify")
        round_.require(done.returncode != 0, "audit verify is content with a changed row")

    @abstractmethod
    def change(self, round_: Round) -> None:
        """Change the row of the order."""

    @abstractmethod
    def undo(self, round_: Round) -> None:
        """Put it right."""

    def recovery(self, round_: Round) -> None:
        self.undo(round_)
        round_.site.do(snapshots.build)


class FlippedName(_ChangedRow):
    """One bit of an order's name."""

    name = "flipped-order-name"
    weight = 6

    def change(self, round_: Round) -> None:
        rows = round_.site.sql("SELECT name FROM order_name WHERE order_number = ?", self._number)
        self._name = rows[0][0]
        at = round_.draw.randrange(self._name.index("."))
        flipped = chr(ord(self._name[at]) ^ 1)
        wrong = self._name[:at] + flipped + self._name[at + 1 :]
        statement = "UPDATE order_name SET name = ? WHERE order_number = ?"
        round_.site.sql(statement, wrong, self._number)

    def undo(self, round_: Round) -> None:
        statement = "UPDATE order_name SET name = ? WHERE order_number = ?"
        round_.site.sql(statement, self._name, self._number)


class ChangedState(_ChangedRow):
    """UPDATE orders SET state = 'withdrawn'."""

    name = "changed-order-state"
    weight = 6

    def change(self, round_: Round) -> None:
        round_.site.sql("UPDATE orders SET state = 'withdrawn' WHERE number = ?", self._number)

    def undo(self, round_: Round) -> None:
        round_.site.sql("UPDATE orders SET state = 'accepted' WHERE number = ?", self._number)


class ChangedEnd(_ChangedRow):
    """An order's end is moved into the past."""

    name = "changed-order-end"
    weight = 3

    def change(self, round_: Round) -> None:
        round_.site.sql("UPDATE orders SET not_after = 1 WHERE number = ?", self._number)

    def undo(self, round_: Round) -> None:
        round_.site.sql("UPDATE orders SET not_after = 0 WHERE number = ?", self._number)


class FlippedChange(Case):
    """One bit of an order's change that no node has read yet: it is not believed."""

    name = "flipped-change"
    enforcement = 0.0
    weight = 4

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.kill("resolver")
        name = round_.order()
        self._revision = name.revision
        self._payload = site.sql("SELECT payload FROM change WHERE revision = ?", name.revision)[0][0]
        at = self._payload.index(name.name) + round_.draw.randrange(name.name.index("."))
        wrong = self._payload[:at] + chr(ord(self._payload[at]) ^ 1) + self._payload[at + 1 :]
        site.sql("UPDATE change SET payload = ? WHERE revision = ?", wrong, self._revision)
        site.start("resolver")
        round_.pause(0.4)

    def recovery(self, round_: Round) -> None:
        statement = "UPDATE change SET payload = ? WHERE revision = ?"
        round_.site.sql(statement, self._payload, self._revision)


class DamagedRules(Case):
    """The rules of a mandatory list are damaged where control keeps them: a compile refuses them."""

    name = "damaged-rules"
    weight = 4
    fresh = True

    def fault(self, round_: Round) -> None:
        feed = round_.draw.choice(("worst-of", "second-of"))
        for path in files_of(round_.site.state / "feeds" / feed):
            damage(path, round_.draw)
        compile_now(round_)
        time.sleep(0.4)

    def recovery(self, round_: Round) -> None:
        async def read(context: Context) -> None:
            await updating.update(context)

        round_.site.do(read)
        compile_now(round_)


class _Policies(Case):
    """The directory of policies loses mandatory lists; control, or a command, reads and compiles. Nothing is
    lifted, and ``config check`` says what is missing."""

    fresh = True

    def fault(self, round_: Round) -> None:
        self._path = round_.site.policies / "feeds.yaml"
        self._text = self._path.read_text()
        self._path.write_text(self.text(round_))
        done = round_.site.run("config", "check")
        told = "second-of" in done.stdout + done.stderr
        round_.require(done.returncode != 0 or told, "config check is content without a mandatory list")
        if round_.draw.random() < 0.3:
            time.sleep(TURN_SECONDS)
            return
        for use_case in (updating.update, snapshots.build):
            with contextlib.suppress(OperationError, StoreError):
                round_.site.do(use_case)
        time.sleep(0.4)

    @abstractmethod
    def text(self, round_: Round) -> str:
        """The rest of feeds.yaml."""

    def recovery(self, round_: Round) -> None:
        self._path.write_text(self._text)
        round_.order()
        round_.site.do(snapshots.build)


class EmptiedPolicies(_Policies):
    """feeds.yaml has 0 bytes."""

    name = "emptied-policies"
    weight = 5

    def text(self, round_: Round) -> str:
        return ""


class CutPolicies(_Policies):
    """feeds.yaml ends at an entry."""

    name = "cut-policies"
    weight = 5

    def text(self, round_: Round) -> str:
        entries = self._text.split("\n- ")
        return "\n- ".join(entries[: round_.draw.randrange(2, len(entries) - 1)]) + "\n"


class EmptiedList(Case):
    """The file of a mandatory list has 0 bytes: its last good version stays."""

    name = "emptied-list"
    weight = 3

    def fault(self, round_: Round) -> None:
        self._path = round_.site.policies / "lists" / "worst.txt"
        self._text = self._path.read_text()
        self._path.write_text("")
        for use_case in (updating.update, snapshots.build):
            with contextlib.suppress(OperationError, StoreError):
                round_.site.do(use_case)
        time.sleep(0.3)

    def recovery(self, round_: Round) -> None:
        self._path.write_text(self._text)


CASES: tuple[type[Case], ...] = (
    ClockAhead,
    ClockAheadControl,
    ClockStep,
    FlippedName,
    ChangedState,
    ChangedEnd,
    FlippedChange,
    DamagedRules,
    EmptiedPolicies,
    CutPolicies,
    EmptiedList,
)
