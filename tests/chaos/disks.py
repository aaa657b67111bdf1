"""Disks that are full, broken, slow, or never come back from a sync."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import time
from pathlib import Path

from tests.chaos.case import AGREEMENT, Case, Round
from tests.chaos.disk_faults import NODE, STORE
from tests.chaos.site import events

STUCK_SECONDS = 7.0
"""longer than two parts may say different things"""


class FullNodeDisk(Case):
    """No room for the node state: an order is enforced in memory at once, and is not acknowledged as applied
    until it is on the disk."""

    name = "full-disk-node"
    disks = True
    weight = 8

    def fault(self, round_: Round) -> None:
        round_.site.faults["resolver"].full(NODE, partly=round_.draw.choice((0, 7, 40)))
        name = round_.order()
        time.sleep(round_.enforcement + 0.2)
        round_.require(not round_.is_applied(name), "an order that is on no disk counts as applied")
        if round_.draw.random() < 0.3:
            round_.site.kill("resolver")
            round_.site.start("resolver")

    def recovery(self, round_: Round) -> None:
        round_.site.faults["resolver"].mend()


class FullFileSystem(Case):
    """The same on a file system that is really full, a small one of the resolver's own."""

    name = "full-file-system-node"
    fresh = True
    roles = ("control",)
    weight = 3

    @classmethod
    def lacks(cls) -> str:
        return "" if os.geteuid() == 0 and shutil.which("unshare") else "root, who may mount"

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.node.mkdir(exist_ok=True)
        mount = f"mount -t tmpfs -o size=96k none {shlex.quote(str(site.node))} && exec "
        site.start("resolver", around=("unshare", "--mount", "sh", "-c", mount + '"$@"', "sh"))
        site.wait(lambda: site.http("resolver", "/readyz")[0] == 200, "the resolver is ready")
        self._filler = Path(f"/proc/{site.processes['resolver'].pid}/root{site.node}/filler")
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)) == 4096:
                pass
        for _ in range(2):
            round_.order(*(f"more-{number}.example" for number in range(500)))
        time.sleep(round_.enforcement + 0.2)

    def recovery(self, round_: Round) -> None:
        self._filler.unlink()


class BrokenNodeDisk(Case):
    """Writes of the node state fail with EIO: the same, and it is not called a full disk."""

    name = "broken-disk-node"
    disks = True
    weight = 6

    def fault(self, round_: Round) -> None:
        round_.site.faults["resolver"].broken(NODE)
        round_.order()
        time.sleep(round_.enforcement + 0.2)

    def recovery(self, round_: Round) -> None:
        round_.site.faults["resolver"].mend()
        said = " ".join(str(line.values()) for line in events(round_.site, "resolver"))
        round_.require("disk is full" not in said and "no space" not in said, "EIO is called a full disk")


class UnreadableNodeDisk(Case):
    """A start at which the node state cannot be read: SERVFAIL or what the store has, nothing unfiltered."""

    name = "broken-disk-node-start"
    disks = True
    weight = 5

    def fault(self, round_: Round) -> None:
        site = round_.site
        round_.order()
        site.kill("resolver")
        site.faults["resolver"].broken(NODE, reads=True)
        site.start("resolver", wait=False)
        round_.pause(0.5)

    def recovery(self, round_: Round) -> None:
        site = round_.site
        site.faults["resolver"].mend()
        if not site.alive("resolver"):
            site.kill("resolver")
            site.start("resolver")


class UnreadableStore(Case):
    """A start at which the store cannot be read: what the disk of the node holds is served, and the node says
    that it does not know the rest; an order of that time is in force once the store can be read."""

    name = "broken-disk-store-start"
    disks = True
    weight = 5

    def fault(self, round_: Round) -> None:
        site = round_.site
        first = round_.order()
        round_.soon(lambda: round_.is_applied(first), "the node has the order")
        site.kill("resolver")
        site.faults["resolver"].broken(STORE, reads=True)
        site.start("resolver")
        self._late = round_.order(exempt=True)
        round_.pause(0.5)

    def recovery(self, round_: Round) -> None:
        round_.site.faults["resolver"].mend()
        round_.must_hold(self._late)


class FullStoreDisk(Case):
    """No room for the store: an order is refused, or it is enforced like any other."""

    name = "full-disk-store"
    disks = True
    weight = 4

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.faults["cli"].full(STORE)
        site.faults["control"].full(STORE)
        words = ("--authority", "A", "--official", "B", "--document", "1", "--ground", "L", "--reason", "r")
        done = site.run("order", "add", "refused.example", *words, faults="cli")
        round_.require(done.returncode != 0, "an order was acknowledged that could not be written")
        round_.require("Traceback" not in done.stderr, "a full disk ends a command with a traceback")

    def recovery(self, round_: Round) -> None:
        round_.site.faults["cli"].mend()
        round_.site.faults["control"].mend()
        round_.order()


class SlowNodeDisk(Case):
    """Each sync of the node state takes long: orders are in force in time, and while one is on no disk the
    lag says so."""

    name = "slow-disk-node"
    disks = True
    enforcement = 5.0
    weight = 5

    def fault(self, round_: Round) -> None:
        round_.site.faults["resolver"].set(NODE, wait=round_.draw.randrange(50, 400))
        for _ in range(3):
            round_.order()
        round_.toggle()
        round_.pause(0.5)

    def recovery(self, round_: Round) -> None:
        round_.site.faults["resolver"].mend()


class StuckNodeDisk(Case):
    """A sync that does not return: the lag grows, the node is not ready, and DNS goes on from memory."""

    name = "stuck-disk-node"
    disks = True
    weight = 1

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.faults["resolver"].set(NODE, hang=1)
        self._late = [round_.order(exempt=True), round_.order(exempt=True)]
        until = time.monotonic() + STUCK_SECONDS
        lag, ready = 0.0, True
        while time.monotonic() < until:
            lag, ready = max(lag, site.lag() or 0.0), site.http("resolver", "/readyz")[0] == 200
            time.sleep(0.1)
        round_.require(lag > STUCK_SECONDS - AGREEMENT, f"the lag was {lag:.1f} s at most")
        round_.require(not ready, "a node that does not turn is ready")
        said = round_.ground.listener.last
        round_.require(said is None or not said.node_ready, "node list calls it ready")

    def recovery(self, round_: Round) -> None:
        round_.site.faults["resolver"].mend()
        round_.must_hold(*self._late)


CASES: tuple[type[Case], ...] = (
    FullNodeDisk,
    FullFileSystem,
    BrokenNodeDisk,
    UnreadableNodeDisk,
    UnreadableStore,
    FullStoreDisk,
    SlowNodeDisk,
    StuckNodeDisk,
)
