"""The processor time of the threads of a process, how long they waited for a processor, and who else ran."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import TICK

SECOND = 1e9
GROUP_NICENESS = -10
"""of the session of both roles, and of the generator's"""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one thread (/proc/PID/task/TID/schedstat)."""

    name: str
    running: float
    waiting: float
    """ready to run while the processor was somebody else's"""
    turns: int


NOTHING = Spent("", 0, 0, 0)


def threads(pid: int) -> dict[int, Spent]:
    """Each thread of the process by its id, as it is now."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it may have ended meanwhile
            running, waiting, turns = map(int, (task / "schedstat").read_text().split())
            name = (task / "comm").read_text().strip()
            found[int(task.name)] = Spent(name, running / SECOND, waiting / SECOND, turns)
    return found


def add_since(before: dict[int, Spent], after: dict[int, Spent], sums: dict[int, Spent]) -> None:
    """Add the time of each thread between the two to its sum."""
    for number, now in after.items():
        then, old = before.get(number, NOTHING), sums.get(number, NOTHING)
        sums[number] = Spent(
            now.name,
            old.running + now.running - then.running,
            old.waiting + now.waiting - then.waiting,
            old.turns + now.turns - then.turns,
        )


def pin(pid: int, core: int) -> None:
    """Keep the process and all threads that it has on one processor."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(task.name), {core})


def go_before(pid: int, niceness: int) -> bool:
    """Give this niceness to the process, its threads, and the group of its session (sched(7), autogroup).
    False: not permitted."""
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(task.name), niceness)
        group = Path(f"/proc/{pid}/autogroup")
        if group.exists():
            group.write_text(str(min(niceness, GROUP_NICENESS)))
    except OSError:
        return False
    return True


def used_by(pid: int) -> float:
    """Seconds of processor time of a process so far; 0 of one that has ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / TICK


def used_by_all() -> float:
    """Seconds of processor time of everything on the machine, and that which its host took away."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return sum(int(words[place]) for place in (1, 2, 3, 6, 7, 8)) / TICK


@dataclass(slots=True)
class Others:
    """The processors that other work took, second by second."""

    ours: list[int]
    """process ids of those that are measured, the generator's and our own"""
    seconds: list[tuple[float, float]] = field(default_factory=list)
    """the monotonic clock at the end of each second, and how many processors"""

    def _look(self) -> tuple[float, float]:
        return time.monotonic(), used_by_all() - sum(map(used_by, self.ours))

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Look each second as long as the block lasts."""
        ended = threading.Event()

        def look() -> None:
            at, used = self._look()
            while not ended.wait(1.0):
                now, then = self._look()
                self.seconds.append((now, max(0.0, (then - used) / (now - at))))
                at, used = now, then

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def at(self, moment: float) -> float:
        """How many processors others took around a moment of the monotonic clock."""
        near = [used for end, used in self.seconds if end - 2.0 <= moment <= end + 1.0]
        return max(near, default=0.0)
