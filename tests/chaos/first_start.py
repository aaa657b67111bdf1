"""First starts: an installation with lines and a chosen profile, of which nothing was ever compiled.

Until the lists were read, the line that has chosen a profile gets blocks or SERVFAIL, and no answer of the
upstream. The cases keep the mandatory lists, which nobody has read yet either.
"""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator

from filterd.operations import snapshots
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.store.errors import StoreError
from tests.chaos.case import Case, Round
from tests.chaos.site import ROLES, events
from tests.chaos.truth import Answer, Kind
from tests.e2e.authority import free_port

AGREEMENT = 6.0
COMPILE_SECONDS = 240.0
"""in which control has read what can be read and has compiled, on a slow machine too"""
WATCHED = 1.5
"""seconds for which the line is asked after that"""
ADULT = "lists/adult.txt"
SOURCE = f"source: {ADULT}"
PERIOD = 0.02
FEEDS_FAILED = "feeds failed"
"""the event in the log of control whose feed pass could not be recorded"""


class FirstStart(Case):
    """Both roles start on a store that was made, and on lists that were never read."""

    fresh = True
    roles = ()
    source = "first"
    weight = 2
    agreement = AGREEMENT
    patience = 4.0
    enforcement = 0.0
    counted = frozenset({Kind.MANDATORY, Kind.CHOICE})

    def fault(self, round_: Round) -> None:
        self._open = 0
        with self.trouble(round_):
            self.begin(round_)
            self.watch(round_, self._compiled(round_), COMPILE_SECONDS)
            self.watch(round_, lambda: False, WATCHED)
        told = f"a line with a profile was open {self._open} times while /readyz said 200"
        round_.require(not self._open, told)

    def begin(self, round_: Round) -> None:
        """Start the roles, one shortly after the other, in an order that is drawn."""
        for role in round_.draw.sample(ROLES, len(ROLES)):
            round_.site.start(role, wait=False)
            round_.pause(0.3)

    @contextlib.contextmanager
    def trouble(self, round_: Round) -> Iterator[None]:
        """The fault stands inside the block."""
        yield

    def watch(self, round_: Round, until: Callable[[], bool], seconds: float) -> None:
        """Ask for the line until it holds, or for so long; count what was open between two looks at /readyz
        that both said 200."""
        site, ground = round_.site, round_.ground
        ends = time.monotonic() + seconds
        choice = ground.choices[1]
        while time.monotonic() < ends and not until():
            before = site.http("resolver", "/readyz")[0]
            open_now = ground.asker.now(choice) is Answer.UNFILTERED
            if open_now and before == 200 == site.http("resolver", "/readyz")[0]:
                self._open += 1
            time.sleep(PERIOD)

    @staticmethod
    def _compiled(round_: Round) -> Callable[[], bool]:
        return (round_.site.snapshots / "current").exists

    def recovery(self, round_: Round) -> None:
        for role in ROLES:
            if not round_.site.alive(role):
                round_.site.processes.pop(role, None)
                round_.site.start(role)

        async def read(context: Context) -> None:
            await updating.update(context)
            await snapshots.build(context)

        def is_read() -> bool:
            try:
                round_.site.do(read)
            except (OperationError, StoreError):
                return False
            return True

        round_.soon(is_read, "the lists are read and compiled", COMPILE_SECONDS)


class MissingList(FirstStart):
    """The list of a category is not there: a line that has chosen it is not open while the node is ready, and
    it is blocked once the list is back."""

    name = "first-start-list-missing"

    @contextlib.contextmanager
    def trouble(self, round_: Round) -> Iterator[None]:
        path = round_.site.policies / ADULT
        text = path.read_text()
        path.unlink()
        yield
        path.write_text(text)


class UnreadableList(FirstStart):
    """The list of a category cannot be read: a directory stands in its place, or a link that leads
    nowhere."""

    name = "first-start-list-unreadable"

    @contextlib.contextmanager
    def trouble(self, round_: Round) -> Iterator[None]:
        path = round_.site.policies / ADULT
        text = path.read_text()
        path.unlink()
        if directory := round_.draw.random() < 0.5:
            path.mkdir()
        else:
            path.symlink_to("nowhere.txt")
        yield
        if directory:
            path.rmdir()
        else:
            path.unlink()
        path.write_text(text)


class DeadServer(FirstStart):
    """The list of a category stands on a server that refuses connections, or takes them and says nothing."""

    name = "first-start-dead-server"

    @contextlib.contextmanager
    def trouble(self, round_: Round) -> Iterator[None]:
        path = round_.site.policies / "feeds.yaml"
        text = path.read_text()
        port = free_port()
        path.write_text(text.replace(SOURCE, f'source: "https://127.0.0.1:{port}/adult.txt"'))
        with socket.socket() as silent:
            if round_.draw.random() < 0.5:
                silent.bind(("127.0.0.1", port))
                silent.listen()
            yield
        path.write_text(text)


class BusyStore(FirstStart):
    """Another process holds the write lock of the store from the moment in which control listens until its
    first lists could not be recorded."""

    name = "first-start-store-busy"
    sampled = False  # a writer waits 15 seconds before it gives up
    weight = 1

    @contextlib.contextmanager
    def trouble(self, round_: Round) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._hold, args=(round_, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    @staticmethod
    def _hold(round_: Round, over: threading.Event) -> None:
        while not over.wait(0.005) and not round_.site.http("control", "/readyz")[0]:
            pass
        with contextlib.closing(sqlite3.connect(round_.site.store, 30, isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")
            while not over.wait(0.1) and FEEDS_FAILED not in _events(round_):
                pass
            store.execute("ROLLBACK")


class ResolverFirst(FirstStart):
    """The resolver starts, an order is given, control starts: SERVFAIL, and no open answer, until control has
    compiled."""

    name = "first-start-resolver-first"

    def begin(self, round_: Round) -> None:
        round_.site.start("resolver", wait=False)
        self.watch(round_, lambda: False, round_.draw.uniform(0.0, 1.5))
        round_.order(exempt=True)
        round_.site.start("control", wait=False)

    def recovery(self, round_: Round) -> None:
        super().recovery(round_)
        round_.must_hold(*round_.ground.orders)


class ControlFirst(FirstStart):
    """Control starts, an order is given, the resolver starts: the same."""

    name = "first-start-control-first"

    def begin(self, round_: Round) -> None:
        round_.site.start("control", wait=False)
        round_.pause(2.0)
        round_.order()
        round_.site.start("resolver", wait=False)


class KilledStart(FirstStart):
    """A role, or each in turn, is killed at a random moment of its first start, and starts again."""

    name = "first-start-killed"
    KILLS = 3

    def begin(self, round_: Round) -> None:
        site = round_.site
        for role in ROLES:
            site.start(role, wait=False)
        for _ in range(self.KILLS):
            self.watch(round_, lambda: False, round_.draw.uniform(0.0, 2.5))
            role = round_.draw.choice(ROLES)
            site.kill(role)
            site.start(role, wait=False)


def _events(round_: Round) -> list[str]:
    """What control has logged."""
    with contextlib.suppress(FileNotFoundError):
        return [str(line.get("event")) for line in events(round_.site, "control")]
    return []


CASES: tuple[type[Case], ...] = (
    MissingList,
    UnreadableList,
    DeadServer,
    BusyStore,
    ResolverFirst,
    ControlFirst,
    KilledStart,
)
