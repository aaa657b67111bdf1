"""Processes that are killed, stopped or told something at a bad moment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filterd.operations import importing, snapshots, subscribers
from filterd.operations.context import Context, OperationError
from filterd.store.errors import StoreError
from tests.chaos import site as sites
from tests.chaos.case import Case, Round
from tests.chaos.truth import Kind, Name

INTERPRETER_SECONDS = 0.5
"""before a line of the product can run, a signal ends any process"""
LONG = 90.0
"""seconds in which a supervisor must have ended a resolver that never gave a sign of life"""


def _write(round_: Round, done: threading.Event) -> None:
    """Orders and choices, one after the other, until it is over."""
    while not done.is_set():
        with contextlib.suppress(OperationError, StoreError):
            round_.order()
            round_.toggle()
            if round_.draw.random() < 0.3:
                round_.withdraw(round_.ground.orders[0])


@contextlib.contextmanager
def _writing(round_: Round) -> Iterator[None]:
    """Changes are made all the while."""
    done = threading.Event()
    thread = threading.Thread(target=_write, args=(round_, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class KillResolver(Case):
    """kill -9 of the resolver while orders and choices are written: what was acknowledged holds from its
    first answer on."""

    name = "kill-resolver"
    weight = 12

    def fault(self, round_: Round) -> None:
        with _writing(round_):
            round_.pause(0.15)
            round_.site.kill("resolver")
            round_.pause(0.05)

    def recovery(self, round_: Round) -> None:
        round_.site.start("resolver")


class KillControl(Case):
    """kill -9 of control: orders are taken in and enforced without it."""

    name = "kill-control"
    weight = 6

    def fault(self, round_: Round) -> None:
        round_.order()
        round_.pause(0.1)
        round_.site.kill("control")
        round_.order()
        round_.toggle()

    def recovery(self, round_: Round) -> None:
        round_.site.start("control")


class KillCompile(Case):
    """kill -9 of a compile: the snapshot before it stays in force, and its draft goes with the next one."""

    name = "kill-compile"
    weight = 4

    def fault(self, round_: Round) -> None:
        for _ in range(3):
            self._kill_one(round_)
            if self._drafts(round_):
                return

    def _kill_one(self, round_: Round) -> None:
        words = [*sites.FILTERD, "snapshot", "build"]
        environment = {**os.environ, "FILTERD_CONFIG": str(round_.site.config)}
        round_.order()
        with (round_.site.folder / "cli.log").open("ab") as log:
            build = subprocess.Popen(words, env=environment, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 5
        while build.poll() is None and not self._drafts(round_) and time.monotonic() < until:
            time.sleep(0.001)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(build.pid, signal.SIGKILL)
        build.wait()

    def recovery(self, round_: Round) -> None:
        round_.site.do(snapshots.build)
        round_.require(not self._drafts(round_), "drafts of a killed compile are left")

    @staticmethod
    def _drafts(round_: Round) -> list[str]:
        return [path.name for path in round_.site.snapshots.iterdir() if "draft" in path.name]


class KillSupervisor(Case):
    """kill -9 of ``filterd serve``: its roles end, and another serve takes over."""

    name = "kill-supervisor"
    fresh = True
    roles = ()
    weight = 3

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.serve()
        site.wait(lambda: site.http("resolver", "/readyz")[0] == 200, "ready")
        with _writing(round_):
            round_.pause(0.1)
            site.kill("serve")
            round_.pause(0.1)

    def recovery(self, round_: Round) -> None:
        round_.site.serve()
        site = round_.site
        site.wait(lambda: site.http("control", "/readyz")[0] == 200, "control is ready")


class KillSupervisorOfStopped(Case):
    """The supervisor is killed while the resolver is stopped: the next serve ends what was left over, which
    answers nobody, and serves."""

    name = "kill-supervisor-of-stopped"
    fresh = True
    roles = ()
    weight = 1
    _left_over = 0

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.serve()
        site.wait(lambda: site.http("resolver", "/readyz")[0] == 200, "ready")
        round_.order()
        pid = site.child_of_serve("resolver")
        assert pid is not None
        self._left_over = pid
        os.kill(pid, signal.SIGSTOP)
        site.kill("serve")

    def recovery(self, round_: Round) -> None:
        site = round_.site
        site.serve()
        site.wait(lambda: site.http("control", "/readyz")[0] == 200, "control is ready")
        site.wait(lambda: site.http("resolver", "/readyz")[0] == 200, "the resolver is ready")
        round_.require(site.child_of_serve("resolver") != self._left_over, "it is the one that was stopped")
        with contextlib.suppress(FileNotFoundError):  # ended, and waited for by whoever took it in
            state = Path(f"/proc/{self._left_over}/stat").read_text().rpartition(")")[2].split()[0]
            round_.require(state in "ZX", f"the resolver that was left over is still there ({state})")


class Down(Case):
    """Changes accepted while the resolver was down hold in its first answers; before, it answers SERVFAIL."""

    name = "accepted-while-down"
    enforcement = 0.0
    weight = 12

    def fault(self, round_: Round) -> None:
        site = round_.site
        if round_.draw.random() < 0.5:
            site.kill("resolver")
        else:
            site.stop("resolver")
        for _ in range(round_.draw.randrange(1, 4)):
            round_.order()
        round_.toggle()
        if round_.draw.random() < 0.3:
            round_.withdraw(round_.ground.orders[0])

    def recovery(self, round_: Round) -> None:
        round_.site.start("resolver")


class DownBehindImport(Case):
    """The same with thousands of changes of lines in the log: orders are first."""

    name = "accepted-while-down-behind-changes"
    enforcement = 0.0
    weight = 3

    def fault(self, round_: Round) -> None:
        round_.site.stop("resolver")
        name: Name = round_.order()
        round_.site.do(_many_choices)
        round_.require(name.in_force, "the order is in force")

    def recovery(self, round_: Round) -> None:
        round_.site.start("resolver")


class ChoiceBehindImport(Case):
    """Lines opt in and out while both roles are down, behind an import of thousands of lines: both hold in
    the resolver's first answers; before, it answers SERVFAIL to these lines."""

    name = "choice-while-down-behind-import"
    fresh = True
    roles = ("resolver",)
    enforcement = 0.0
    patience = 4.0
    weight = 0.5
    sampled = False  # the import takes most of a minute on a busy machine
    counted = frozenset({Kind.MANDATORY, Kind.CHOICE})
    LINES = 10_000

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.stop("resolver")
        file = site.folder / "lines.csv"
        numbers = "".join(f"imported-{number}\n" for number in range(self.LINES))
        file.write_text(f"subscriber\n{numbers}")
        site.do(lambda context: importing.import_file(context, file))
        round_.opt(1, into=False)
        round_.opt(2, into=True)

    def recovery(self, round_: Round) -> None:
        round_.site.start("resolver")
        round_.site.start("control")


async def _many_choices(context: Context) -> None:
    for number in range(20):
        await subscribers.deny(context, "child-3", f"own-{number}.example")
        await subscribers.remove(context, "child-3", f"own-{number}.example")


class StopBeforePulse(Case):
    """A resolver that is stopped before its first pulse is ended, and another one serves."""

    name = "stop-before-pulse"
    fresh = True
    roles = ()
    slow = True
    weight = 0.4

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.serve()
        site.wait(lambda: site.child_of_serve("resolver") is not None, "the resolver is started")
        first = site.child_of_serve("resolver")
        assert first is not None
        round_.pause(0.25)
        os.kill(first, signal.SIGSTOP)
        round_.order(exempt=True)
        ended = round_.soon(
            lambda: site.child_of_serve("resolver") not in (None, first), "the stopped one is ended", LONG
        )
        if not ended:
            os.kill(first, signal.SIGCONT)

    def recovery(self, round_: Round) -> None:
        site = round_.site
        site.wait(lambda: site.http("resolver", "/readyz")[0] == 200, "ready")
        site.wait(lambda: site.http("control", "/readyz")[0] == 200, "control is ready")
        round_.must_hold(*round_.ground.orders)


class HangUpEarly(Case):
    """SIGHUP in the first second, or to a role, ends nothing."""

    name = "hang-up-early"
    fresh = True
    roles = ()
    weight = 2

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.serve()
        until = time.monotonic() + INTERPRETER_SECONDS
        while not site.holds_hangup("serve") and time.monotonic() < until:
            time.sleep(0.002)
        round_.pause(0.5)
        site.processes["serve"].send_signal(signal.SIGHUP)
        site.wait(lambda: not site.alive("serve") or site.http("resolver", "/readyz")[0] == 200, "ready")
        round_.require(site.alive("serve"), "SIGHUP ended a serve that was starting")
        if not site.alive("serve"):
            site.kill("serve")
            return
        role = round_.draw.choice(sites.ROLES)
        before = site.child_of_serve(role)
        if before is not None:
            os.kill(before, signal.SIGHUP)
            round_.pause(0.2)
            round_.require(site.child_of_serve(role) == before, f"SIGHUP ended {role}")
        round_.order()

    def recovery(self, round_: Round) -> None:
        site = round_.site
        if not site.alive("serve"):
            site.serve()
        site.wait(lambda: site.http("control", "/readyz")[0] == 200, "control is ready")


CASES: tuple[type[Case], ...] = (
    KillResolver,
    KillControl,
    KillCompile,
    KillSupervisor,
    KillSupervisorOfStopped,
    Down,
    DownBehindImport,
    ChoiceBehindImport,
    StopBeforePulse,
    HangUpEarly,
)
