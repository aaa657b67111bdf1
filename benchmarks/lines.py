"""How a resolver does with very many lines: full resync, start from its disk alone, checkpoints, memory.

``make scale-lines`` runs it: LINES lines (a million) with two static prefixes each and an own name in ten, a
snapshot of NAMES names (five million), and one resolver process, which is asked over DNS as clients ask it.
Orders are written to the store's log the whole time, and each is timed from its commit to the first blocked
answer. Needs about 2 GB of disk in TMPDIR and a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from linesworld import Resolver, World, ask, until_blocked

MEGABYTE = 1_000_000


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--names", type=int, default=5_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="filterd-lines-") as work:
        measure(World(Path(work), chosen.lines, chosen.names))
    return 0


def measure(world: World) -> None:
    """Every part, one after the other."""
    world.make()
    show("lines, bindings, names", f"{world.lines:,}, {2 * world.lines:,}, {world.names:,}")
    resolver = Resolver(world)
    resolver.start()
    without = world.empty_memory
    resolver.until_answering()
    with Orders(world, resolver) as orders, Asking(resolver) as asking:
        show("full resync", f"{resolver.until_ready():.1f} s")
    orders.report("during the resync")
    asking.report("during the resync")
    show("store's write-ahead log after it", f"{world.wal() / MEGABYTE:.1f} MB")
    with Orders(world, resolver) as orders, Asking(resolver) as asking:
        time.sleep(5)
    orders.report("at rest")
    asking.report("at rest")
    held = resolver.memory()
    show("resident after the resync", f"{held / MEGABYTE:.0f} MB, with no lines {without / MEGABYTE:.0f} MB")
    show("the same for a line", f"{(held - without) / world.lines:.0f} B")
    with Orders(world, resolver) as orders, Asking(resolver) as asking, Checkpoints(world) as checkpoints:
        world.change_lines(checkpoints.complete)
    checkpoints.report()
    orders.report("while checkpoints are written")
    asking.report("while checkpoints are written")
    resolver.until_applied()
    resolver.kill()
    world.take_store_away()
    for _ in range(3):
        started = time.monotonic()
        resolver.start()
        resolver.until_answer()
        taken, waited = time.monotonic() - started, resolver.waited()
        show("from exec to the first right answer", f"{taken:.2f} s, {waited:.2f} s of it in others' favour")
        time.sleep(1)
        held = resolver.memory()
        resolver.kill()
    show("resident after that start", f"{held / MEGABYTE:.0f} MB")
    show("the same for a line", f"{(held - without) / world.lines:.0f} B")


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<52} {value}\n")
    sys.stdout.flush()


def spread(seconds: list[float]) -> str:
    """Median, 99th percentile and worst, in milliseconds."""
    if not seconds:
        return "none"
    ranked = sorted(seconds)
    p99 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
    values = (statistics.median(ranked), p99, ranked[-1])
    return "p50 {:.1f} ms, p99 {:.1f} ms, worst {:.1f} ms".format(*(1000 * each for each in values))


class Background(threading.Thread):
    """Does one thing over and over beside the block that it is used in."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.taken: list[float] = []

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()


class Orders(Background):
    """Writes an order every tenth of a second, and times each to the first blocked answer."""

    def __init__(self, world: World, resolver: Resolver) -> None:
        super().__init__()
        self._world = world
        self._resolver = resolver

    def run(self) -> None:
        with self._world.connection() as store:
            while not self.ended.wait(0.1):
                name = self._world.order(store)
                started = time.monotonic()
                until_blocked(self._resolver.socket(), name)
                self.taken.append(time.monotonic() - started)

    def report(self, when: str) -> None:
        """Their times."""
        show(f"{len(self.taken)} orders {when}", spread(self.taken))


class Asking(Background):
    """Asks for a blocked name two hundred times a second."""

    def __init__(self, resolver: Resolver) -> None:
        super().__init__()
        self._resolver = resolver

    def run(self) -> None:
        with self._resolver.socket() as asking:
            while not self.ended.wait(0.005):
                started = time.monotonic()
                ask(asking, "www.localhost")
                self.taken.append(time.monotonic() - started)

    def report(self, when: str) -> None:
        """Their times."""
        show(f"{len(self.taken)} answers {when}", spread(self.taken))


class Checkpoints(Background):
    """Watches for checkpoints of the lines while they are written."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._node = Path(world.settings["state_dir"]) / "node"
        self.complete = threading.Event()

    def run(self) -> None:
        draft = self._node / ".parental.checkpoint.new"
        started = 0.0
        while not self.ended.wait(0.001):
            if draft.exists():
                started = started or time.monotonic()
            elif started:
                self.taken.append(time.monotonic() - started)
                started = 0.0
                self.complete.set()

    def report(self) -> None:
        """How long each took."""
        size = (self._node / "parental.checkpoint").stat().st_size
        show(f"{len(self.taken)} checkpoints of {size / MEGABYTE:.0f} MB", spread(self.taken))


if __name__ == "__main__":
    sys.exit(main())
