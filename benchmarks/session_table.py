"""How long control's table of sessions takes for what it does, and how much memory a session needs.

``make session-table`` fills a table with SESSIONS sessions (a million) and prints what a message costs
(through Python, one call each), the registration of as many subscribers, the start from the file, how long
a slice of the sweep and a part of a full state take, and the growth of the table of subscribers. Times are
those of the wall.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filterd.accounting.sessions import Sessions
from filterd.wire.session_stream import MOST_ENTRIES

KEY = bytes(range(16))
BEGIN = 1_700_000_000.0
LASTS = 86_400
START, STOP, INTERIM = 1, 2, 3
SLICE = 2_000
"""places of one slice of the sweep, as control has it"""
PAIRS = 2_000
"""subscribers of one registration, as control has it"""


class Filled:
    """A table and the sessions in it."""

    def __init__(self, path: Path, sessions: int) -> None:
        self.path, self.sessions, self.now = path, sessions, BEGIN
        chance = random.Random(15)  # noqa: S311 - fingerprints of a benchmark
        self.subscribers = [chance.randbytes(16) for _ in range(sessions)]
        self.ids = [chance.randbytes(16) for _ in range(sessions)]
        self.table = self.open()

    def open(self) -> Sessions:
        """The table on its file."""
        return Sessions(self.path, KEY, self.sessions, 7200, lambda: self.now)

    def tell(self, kind: int, id_of: int, address_of: int, age: float = 0) -> None:
        """One message of the NAS."""
        self.table.give(
            [(bytes(10) + b"\xff\xff" + (0x0A000000 + address_of).to_bytes(4), 128, None)],
            subscriber=self.subscribers[id_of],
            session=self.ids[id_of],
            nas=KEY,
            stamp=self.now - age,
            arrival=self.now,
            lasts=LASTS,
            kind=kind,
        )


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="filterd-table-") as work:
        filled = Filled(Path(work) / "sessions" / "live", chosen.sessions)
        messages(filled)
        starting(filled)
        registering(filled)
        slices(filled)
        filled.table.close()
    growth(chosen.sessions)
    return 0


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<52} {value}\n")
    sys.stdout.flush()


def timed(work: Callable[[], Any]) -> float:
    """The seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def worst(what: str, seconds: list[float]) -> None:
    """The share that is slow, in milliseconds."""
    seconds.sort()
    p99 = seconds[len(seconds) * 99 // 100] * 1000
    show(what, f"p99 {p99:.2f} ms, worst {seconds[-1] * 1000:.2f} ms of {len(seconds)}")


def messages(filled: Filled) -> None:
    """The cost of each kind of message, in a table that fills up and is full."""
    everything, some = range(filled.sessions), range(filled.sessions // 10)

    def each(what: str, numbers: range, tell: Callable[[int], None]) -> None:
        began = time.perf_counter()
        for number in numbers:
            tell(number)
        taken = time.perf_counter() - began
        show(what, f"{taken / len(numbers) * 1e6:.2f} us a message")

    each("a new session", everything, lambda number: filled.tell(START, number, number))
    counts = filled.table.counts()
    show(f"memory of {counts.live} sessions", f"{counts.memory / counts.live:.0f} B each")
    filled.now += 10
    each("an Interim", some, lambda number: filled.tell(INTERIM, number, number))
    filled.now += 10
    each("a takeover", some, lambda number: filled.tell(INTERIM, number, len(some) + number))
    filled.now += 10
    each("a Stop", some, lambda number: filled.tell(STOP, number, number))
    each("a Start again", some, lambda number: filled.tell(START, number, number))


def registering(filled: Filled) -> None:
    """Registration of all subscribers, whose sessions are there."""
    runs = [
        b"".join(
            filled.subscribers[number] + (number + 1).to_bytes(8, sys.byteorder)
            for number in range(at, min(at + PAIRS, filled.sessions))
        )
        for at in range(0, filled.sessions, PAIRS)
    ]
    began = time.perf_counter()
    for run in runs:
        filled.table.register_many(run)
    show(f"{filled.sessions} subscribers registered", f"{time.perf_counter() - began:.2f} s")


def starting(filled: Filled) -> None:
    """The start from the file."""
    filled.table.close()
    began = time.perf_counter()
    filled.table = filled.open()
    show("a start from the file", f"{time.perf_counter() - began:.2f} s")


def slices(filled: Filled) -> None:
    """What visits all places, slice by slice."""
    turns = range(0, filled.sessions, SLICE)
    worst("a slice of the sweep", [timed(lambda: filled.table.sweep(SLICE)) for _ in turns])
    filled.now += LASTS + 100
    worst(
        "a slice of the sweep where all are stale", [timed(lambda: filled.table.sweep(SLICE)) for _ in turns]
    )
    for number in range(filled.sessions):
        filled.tell(START, number, number)
    show("sessions then", str(filled.table.counts().live))
    found, cursor = [], 0
    while True:
        began = time.perf_counter()
        cursor, _ = filled.table.full(cursor, MOST_ENTRIES)
        found.append(time.perf_counter() - began)
        if not cursor:
            break
    worst("a part of a full state", found)
    show("a full state", f"{sum(found):.2f} s")


def growth(subscribers: int) -> None:
    """Subscribers in a table that was made for few, one by one."""
    table = Sessions(None, KEY, 1000, 7200, lambda: BEGIN)
    chance = random.Random(16)  # noqa: S311 - fingerprints of a benchmark
    found = []
    for line in range(1, subscribers + 1):
        name = chance.randbytes(16)
        began = time.perf_counter()
        table.register(name, line)
        found.append(time.perf_counter() - began)
    worst("one more subscriber while their table grows", found)
    table.close()


if __name__ == "__main__":
    sys.exit(main())
