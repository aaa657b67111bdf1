"""The part ``load``: latency of queries beside changes and without them, in turns.

The resolver and control are kept on one processor, the generator, the NAS and all else on another: otherwise
what is measured is how the generator and the resolver take the processor from each other. Latency is that of
an open loop: it counts from the moment in which a query was due. What remains is other work on the machine:
it is measured each second, and the seconds in which it took more than QUIET of a processor are told apart.

Beside each kind of turn stand the processor time of the busiest threads and how long each was ready to run
and did not: that is the part of the latency which no change of the program takes away.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.figures import LOST, Load, parse_senders
from bench.loads import Generator, Senders
from bench.machine import Cores
from bench.packets import write_entries

from chain.installation import LINES, Nas, asked, loaded, pid_of, show, until
from chain.threads import Others, Spent, add_since, go_before, pin, threads
from tests.worlds.session_site import FORWARDER, SessionSite

PACE = 500_000 / 600
SHARE = 0.6
PIECE = 100
"""seconds of one run of the senders at most"""
FIRST = 2
"""seconds at the beginning of a run that are left out"""
SPIKE = 0.05
QUIET = 0.15
"""processors that others may take in a second that counts as quiet"""
BUSIEST = 4
CALM, CHANGING = "without changes", "with changes"
ROLES = ("resolver", "control")
NICENESS = {"resolver": -10, "control": 3}
"""what comes nearest to CPUWeight=1000 and 50 of the units"""


@dataclass(slots=True)
class Times:
    """Microseconds of answers, counted, and what each second was like."""

    counts: Counter[int] = field(default_factory=Counter)
    p99: list[float] = field(default_factory=list)
    """milliseconds of each second"""
    lost: int = 0

    def add(self, taken: array[int]) -> None:
        """The answers to the queries that were due in one second."""
        ordered = sorted(taken)
        while ordered and ordered[-1] == LOST:
            ordered.pop()
            self.lost += 1
        self.counts.update(ordered)
        if ordered:
            self.p99.append(ordered[int(0.99 * len(ordered))] / 1000)

    def at(self, share: float) -> float:
        """The percentile in milliseconds; 0 of nothing."""
        left = share * self.counts.total()
        for taken in sorted(self.counts):
            left -= self.counts[taken]
            if left < 0:
                return taken / 1000
        return max(self.counts, default=0) / 1000

    def words(self) -> str:
        """A row of the table."""
        values = " | ".join(f"{self.at(share):.2f}" for share in (0.5, 0.99, 0.999, 1.0))
        over = sum(number for taken, number in self.counts.items() if taken > SPIKE * 1e6)
        middle = sorted(self.p99)[len(self.p99) // 2] if self.p99 else 0.0
        return f"{len(self.p99)} | {values} | {middle:.2f} | {over:,} | {self.lost:,}"


@dataclass(slots=True)
class Turns:
    """All turns of a kind together."""

    whole: Times = field(default_factory=Times)
    quiet: Times = field(default_factory=Times)
    spent: dict[str, dict[int, Spent]] = field(default_factory=lambda: {role: {} for role in ROLES})
    seconds: float = 0.0
    replaced: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Bench:
    """The parts that all turns share."""

    made: SessionSite
    generator: Generator
    entries: Path
    rate: int
    sessions: int

    def how(self, seconds: int, rate: int, times: Path | None) -> Senders:
        """The senders for one run."""
        return Senders(self.entries, seconds, rate, 1, FORWARDER, times)


def load(made: SessionSite, sessions: int, seconds: int, turns: int, binary: Path) -> None:
    """Print the latency of queries: without changes, with, without, so many times in turns."""
    cores, usable = Cores.of_machine(), os.sched_getaffinity(0)
    until(lambda: loaded(made, sessions), 0.2)
    os.sched_setaffinity(0, {cores.generator})
    try:
        in_turns(
            Bench(made, Generator(cores, binary), made.filterd.folder / "entries", 0, sessions),
            seconds,
            turns,
        )
    finally:
        os.sched_setaffinity(0, usable)


def in_turns(bench: Bench, seconds: int, turns: int) -> None:
    """Place the roles, find the rate, and go through the turns."""
    made, generator, cores = bench.made, bench.generator, bench.generator.cores
    for role, niceness in NICENESS.items():
        pin(pid_of(made, role), cores.system)
        if not (go_before(pid_of(made, role), niceness) and go_before(os.getpid(), NICENESS["resolver"])):
            show("the roles have no weights", "that takes root")
    write_entries(bench.entries, ((asked(n), 0) for n in range(10_000)))
    most, _ = generator.senders(made.filterd.port, bench.how(5, 0, None))
    bench = replace(bench, rate=int(SHARE * most.rate))
    show("most queries/s of one processor", f"{most.rate:,.0f}; load {bench.rate:,}")
    found = {CALM: Turns(), CHANGING: Turns()}
    base = max(PIECE // 10, seconds // (turns + 1))
    for _ in range(turns):
        turn(bench, found[CALM], base, told=False)
        turn(bench, found[CHANGING], seconds // turns, told=True)
    turn(bench, found[CALM], base, told=False)
    report(found)


def turn(bench: Bench, found: Turns, seconds: int, *, told: bool) -> None:
    """One turn in pieces; its figures go to ``found``. ``told``: filterd gets the packets of the NAS."""
    for begin in range(0, seconds, PIECE):
        before = {role: threads(pid_of(bench.made, role)) for role in ROLES}
        began = time.monotonic()
        with replacing(bench, found.replaced, told=told) as sent:
            piece(bench, found, min(PIECE, seconds - begin))
        found.seconds += time.monotonic() - began
        found.replaced, found.answered = sent[0], found.answered + sent[1]
        for role in ROLES:
            add_since(before[role], threads(pid_of(bench.made, role)), found.spent[role])


def piece(bench: Bench, found: Turns, seconds: int) -> Load:
    """One run of the senders."""
    file = bench.made.filterd.folder / "times"
    words = bench.generator.words(bench.made.filterd.port, bench.how(seconds, bench.rate, file))
    with bench.generator.start(words) as process:
        others = Others([process.pid, os.getpid(), *(pid_of(bench.made, role) for role in ROLES)])
        with others.watched():
            output, _ = process.communicate(timeout=seconds + 60)
    result = parse_senders(output.decode())
    numbers = array("I")
    numbers.frombytes(file.read_bytes())
    taken = numbers[1::2]
    for second in range(FIRST, seconds):
        part = taken[second * bench.rate : (second + 1) * bench.rate]
        found.whole.add(part)
        if others.at(result.begin + second) <= QUIET:
            found.quiet.add(part)
    return result


@contextlib.contextmanager
def replacing(bench: Bench, begin: int, *, told: bool) -> Iterator[list[int]]:
    """Sessions change owner beside the block; then the list has how many packets were sent in all, and the
    answers of this time. Unless ``told`` the same packets go to a socket that nobody reads: the NAS takes as
    much of the generator's processor as else."""
    ended, result, sink = threading.Event(), [begin, 0], socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))

    def tell() -> None:
        nas, began = Nas(bench.made, None if told else sink.getsockname()[1]), time.monotonic()
        while not ended.wait(0.01):
            while result[0] - begin < (time.monotonic() - began) * PACE:
                user = f"S-{1 + (result[0] * 7 + 3) % (LINES - 1)}@isp.example"
                nas.start(user, result[0] % bench.sessions, wait=False)
                result[0] += 1
            nas.drain()
        time.sleep(0.2)
        nas.drain()
        result[1] = nas.answers
        nas.close()

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield result
    finally:
        ended.set()
        thread.join()
        sink.close()


def report(found: dict[str, Turns]) -> None:
    """Print the table of latency, and that of threads."""
    heads = ("", "seconds", "p50 ms", "p99", "p99.9", "worst", "median p99 of a second", "over 50 ms", "lost")
    show("", "")
    show("| " + " | ".join(heads) + " |", "")
    show("|" + " --- |" * len(heads), "")
    for name, turns in found.items():
        show(f"| {name}, all seconds | {turns.whole.words()} |", "")
        show(f"| {name}, quiet seconds | {turns.quiet.words()} |", "")
    for name, turns in found.items():
        words = f"{turns.replaced:,} packets of the NAS, {turns.answered:,} answers, in {turns.seconds:.0f} s"
        show(name, words)
        for role, sums in turns.spent.items():
            for each in sorted(sums.values(), key=lambda spent: -spent.running)[:BUSIEST]:
                running, waiting = 100 * each.running / turns.seconds, 100 * each.waiting / turns.seconds
                words = (
                    f"ran {running:.2f} %, waited {waiting:.2f} %, {each.turns / turns.seconds:,.0f} turns/s"
                )
                show(f"  {role}, {each.name}", words)
