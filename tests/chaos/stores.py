"""Stores that are restored, replaced by an older or a fresh one, and written to afterwards."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path

from filterd.operations import erasure, subscribers
from filterd.operations.context import OperationError
from tests.chaos.case import Case, Round
from tests.chaos.site import Site, copy_store
from tests.chaos.truth import Kind, Name

LEDGER = "ledger"
"""the directory of the newest head and of what a restore replays, in the state directory"""


DRAFTS = shutil.ignore_patterns(".*.new")
"""of files that control is about to replace: they can be gone before they are copied"""


def put_store(site: Site, copy: Path, *, renamed: bool) -> None:
    """Put a copy in the place of the store: under its name, or over its content as ``cp`` does."""
    with site.looking_in:
        for name in ("-wal", "-shm"):
            site.store.with_name(site.store.name + name).unlink(missing_ok=True)
        if renamed:
            draft = site.store.with_suffix(".new")
            shutil.copyfile(copy, draft)
            draft.rename(site.store)
        else:
            shutil.copyfile(copy, site.store)


def copy_of_one_moment(site: Site, to: Path) -> None:
    """Copy the store, and the ledger beside it to ``older-ledger``. Control writes meanwhile: a head of the
    ledger that is newer than the copy of the store would tell that the store is an older one."""
    head, ledger = site.state / LEDGER / "head", site.folder / "older-ledger"
    while True:
        before = head.read_bytes() if head.exists() else b""
        copy_store(site, to)
        if before:
            shutil.copytree(site.state / LEDGER, ledger, dirs_exist_ok=True, ignore=DRAFTS)
        if not before or (ledger / "head").read_bytes() == before:
            return


def require_not_ready(round_: Round, seconds: float, where: str) -> None:
    """Note where /readyz says yes within this time, with what the node then says of itself."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        status, page = round_.site.http("resolver", "/readyz")
        if status == 200:
            told = round_.site.tail("resolver", 3)
            round_.require(False, f"ready on {where}: {page.strip()}; log: {told}")
            return
        time.sleep(0.05)


class _OtherStore(Case):
    """The common part of the cases: another store in the place of the newest one, and that one put back."""

    fresh = True
    ledger = False
    """whether the ledger is rolled back with the store"""

    def fault(self, round_: Round) -> None:
        site = round_.site
        round_.order()
        older = site.folder / "older.db"
        copy_of_one_moment(site, older)
        later = [round_.order() for _ in range(round_.draw.randrange(1, 4))]
        round_.pause(0.1)
        round_.soon(lambda: not round_.holds(), "all is in force before the fault")
        site.kill("control")
        copy_store(site, site.folder / "newest.db")
        self._renamed = round_.draw.random() < 0.6
        self.replace(round_, older)
        for name in later:
            name.stored = False
        self.be_noticed(round_)
        self.go_on(round_, later)

    def replace(self, round_: Round, older: Path) -> None:
        """Put the other store in place."""
        put_store(round_.site, older, renamed=self._renamed)
        if self.ledger and (round_.site.state / LEDGER).is_dir():
            shutil.rmtree(round_.site.state / LEDGER)
            shutil.copytree(round_.site.folder / "older-ledger", round_.site.state / LEDGER)

    def be_noticed(self, round_: Round) -> None:
        """Wait until the node says that something is wrong."""
        round_.soon(lambda: round_.site.http("resolver", "/readyz")[0] == 503, "the node is not ready")

    def go_on(self, round_: Round, later: list[Name]) -> None:
        """The use that is made of it."""

    def recovery(self, round_: Round) -> None:
        site = round_.site
        put_store(site, site.folder / "newest.db", renamed=self._renamed)
        for name in round_.ground.orders:
            name.stored = True
        site.start("control")


class OlderStore(_OtherStore):
    """A copied older store in the place of the newest: the node keeps what it has, says that it is not ready,
    and goes on once the newest is back."""

    name = "replaced-by-older-store"
    weight = 6

    def go_on(self, round_: Round, later: list[Name]) -> None:
        if round_.draw.random() < 0.5:
            round_.site.kill("resolver")
            round_.site.start("resolver")
            require_not_ready(round_, 0.5, "an older store after a start")


class FreshStore(_OtherStore):
    """A store made anew in the place of the newest one: the same, and nothing is written to it. Where none is
    made, the node says how long it has had no store."""

    name = "replaced-by-fresh-store"
    weight = 4

    def replace(self, round_: Round, older: Path) -> None:
        site = round_.site
        for name in ("", "-wal", "-shm"):
            site.store.with_name(site.store.name + name).unlink(missing_ok=True)
        done = site.run("store", "migrate")
        self._made = done.returncode == 0

    def be_noticed(self, round_: Round) -> None:
        if self._made:
            super().be_noticed(round_)
        else:
            round_.soon(lambda: (round_.site.lag() or 0.0) > 1.0, "a node without a store is behind")

    def go_on(self, round_: Round, later: list[Name]) -> None:
        if self._made:
            given = [round_.try_order() for _ in range(3)]
            round_.require(not any(given), "an order was taken in by a store that begins anew")


class RolledBack(_OtherStore):
    """Writes after a rolled-back store, until its revision passes the node's: each is refused, or enforced
    like any other; the node never goes on as if nothing had been."""

    name = "rolled-back-store-written"
    weight = 10

    def go_on(self, round_: Round, later: list[Name]) -> None:
        newest = max(name.revision for name in later)
        self._given: list[Name] = []
        for _ in range(12):
            name = round_.try_order()
            if name is None:
                break
            self._given.append(name)
            if name.revision > newest + 1:
                break
        round_.pause(0.3)
        if self._given:
            time.sleep(round_.enforcement + 0.3)

    def recovery(self, round_: Round) -> None:
        if self._given:
            round_.site.start("control")
        else:
            super().recovery(round_)


class RolledBackWithLedger(_OtherStore):
    """The same where the ledger was rolled back too, so that no writer can know: the node notices another
    history, is not ready until it is told to accept it, and keeps what it has; then all is in force."""

    name = "rolled-back-store-and-ledger"
    ledger = True
    weight = 6

    def go_on(self, round_: Round, later: list[Name]) -> None:
        newest = max(name.revision for name in later)
        round_.numbers_repeat = True
        self._given = []
        for _ in range(12):
            name = round_.try_order(exempt=True)
            if name is None:
                break
            self._given.append(name)
            if name.revision > newest + 1:
                break
        require_not_ready(round_, 0.8, "another history")

    def recovery(self, round_: Round) -> None:
        site = round_.site
        site.start("control")
        round_.pause(2.0)  # in which control may have compiled what the node does not follow
        done = site.run("node", "resync", "--accept")
        round_.require(done.returncode == 0, f"node resync --accept: {done.stderr.strip()[-300:]}")
        round_.must_hold(*self._given)


class Restore(Case):
    """``filterd backup``, further changes, ``filterd restore`` while the resolver serves: no mandatory name
    is unfiltered, opt-outs and withdrawals of the time between hold, and new orders are in force."""

    name = "restore"
    fresh = True
    weight = 10

    def fault(self, round_: Round) -> None:
        site = round_.site
        first, second = round_.order(), round_.order()
        round_.opt(2, into=True)
        backup = site.folder / "backup"
        done = site.run("backup", str(backup))
        round_.require(done.returncode == 0, f"backup: {done.stderr.strip()[-300:]}")
        later = [round_.order() for _ in range(round_.draw.randrange(1, 3))]
        round_.withdraw(first)
        round_.opt(1, into=False)
        with contextlib.suppress(OperationError):  # committed; others' reads kept the store's log from going
            site.do(lambda context: erasure.erase(context, "child-3", reason="asked"))
        round_.ground.choices.pop(3)
        round_.soon(lambda: not round_.holds(), "all is in force before the restore")
        if round_.draw.random() < 0.5:
            site.stop("control")
        for name in later:
            name.stored = False
        done = site.run("restore", str(backup), "--reason", "the disk was lost")
        round_.require(done.returncode == 0, f"restore: {done.stderr.strip()[-300:]}")
        for _ in range(round_.draw.randrange(0, 6)):
            round_.order()
        round_.require(second.in_force, "an order of the backup is in force")
        round_.require(not self._is_known(round_, "child-3"), "an erased subscriber is back")
        self._later = later

    @staticmethod
    def _is_known(round_: Round, subscriber: str) -> bool:
        try:
            round_.site.do(lambda context: subscribers.show(context, subscriber))
        except OperationError:
            return False
        return True

    def recovery(self, round_: Round) -> None:
        site = round_.site
        if not site.alive("control"):
            site.start("control")
        if round_.draw.random() < 0.4:
            end_kept(round_, self._later[0])


def end_kept(round_: Round, name: Name) -> None:
    """Confirm the end of an order that the node alone knows."""
    name.free_from = time.monotonic()
    done = round_.site.run("node", "resync", "--end", name.reference, "--reason", "it has ended")
    round_.require(done.returncode == 0, f"node resync --end: {done.stderr.strip()[-300:]}")
    round_.ground.orders.remove(name)
    round_.ground.withdrawn.append(name)


class RestoreInPlace(_OtherStore):
    """An older store that is put in place, and ``filterd restore --in-place`` takes as the truth: orders that
    the node alone knows stay in force, and so are new ones."""

    name = "restore-in-place"
    weight = 6

    def go_on(self, round_: Round, later: list[Name]) -> None:
        done = round_.site.run("restore", "--in-place", "--reason", "the newest is lost")
        round_.require(done.returncode == 0, f"restore --in-place: {done.stderr.strip()[-300:]}")
        for _ in range(round_.draw.randrange(1, 5)):
            round_.order()

    def recovery(self, round_: Round) -> None:
        round_.site.start("control")


class RestoreOlderLedger(Case):
    """A restore beside a ledger that is older than the store: what the store says was ended stays ended, or
    the restore is refused."""

    name = "restore-older-ledger"
    fresh = True
    weight = 3
    agreement = 6.0
    counted = frozenset({Kind.MANDATORY, Kind.CHOICE})

    def fault(self, round_: Round) -> None:
        site = round_.site
        order = round_.order()
        backup = site.folder / "backup"
        done = site.run("backup", str(backup))
        round_.require(done.returncode == 0, f"backup: {done.stderr.strip()[-300:]}")
        ledger, older = site.state / LEDGER, site.folder / "older-ledger"
        shutil.copytree(ledger, older, ignore=DRAFTS)
        round_.withdraw(order)
        round_.opt(1, into=False)
        round_.soon(lambda: not round_.holds(), "all is in force before the restore")
        site.stop("control")
        shutil.rmtree(ledger)
        older.rename(ledger)
        done = site.run("restore", str(backup), "--reason", "the disk was lost")
        round_.said = "" if done.returncode == 0 else f"restore: {done.stderr.strip()[-200:]}"

    def recovery(self, round_: Round) -> None:
        round_.site.start("control")


CASES: tuple[type[Case], ...] = (
    OlderStore,
    FreshStore,
    RolledBack,
    RolledBackWithLedger,
    Restore,
    RestoreInPlace,
    RestoreOlderLedger,
)
