"""What a system under test is: how it is started, and what is known of it once it answers."""

from __future__ import annotations

import contextlib
import ipaddress
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.lists import Names
from bench.machine import Cores, ask, child, pinned, resident, wait_for
from bench.packets import query

PROBE = query("probe.cold.example")
NXDOMAIN = 3
PROBED = 5
"""names that must be blocked before a system counts as loaded"""
CACHE_ENTRIES = 200_000
SOCKETS = 64
"""random ports that a system forwards from, where it takes a number"""
FIRST_LINE = ipaddress.IPv4Address("127.1.0.0")
CATEGORIES = 4
PROFILES = 1 << CATEGORIES


def line_address(number: int) -> str:
    """The client address of a line."""
    return str(FIRST_LINE + number)


@dataclass(frozen=True, slots=True)
class Households:
    """Lines with different profiles: line ``n`` has the n-th address from FIRST_LINE on and the profile
    ``n % PROFILES``, whose bits say which categories it blocks; name ``k`` of the list is in category
    ``k % CATEGORIES``."""

    count: int


@dataclass(frozen=True, slots=True)
class Task:
    """What to start a system for."""

    folder: Path
    names: Names | None
    """None: nothing is blocked"""
    upstream: int
    """the upstream's port on 127.0.0.1"""
    cores: Cores
    build: Path
    """where our own programs are"""
    households: Households | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A system that answers."""

    name: str
    port: int
    pid: int
    load_seconds: float
    """from its start until it blocks what it must"""
    memory: int
    """bytes when it does"""
    counts: Callable[[], tuple[int, int] | None] = lambda: None
    """datagrams received and the calls that took, so far; None: it does not tell"""


Start = Callable[[Task], AbstractContextManager[Running]]


@dataclass(frozen=True, slots=True)
class System:
    """One of those that are compared."""

    name: str
    start: Start
    version: Callable[[], str]


def blocks(task: Task, port: int) -> bool:
    """True if it answers, and as the list says: some load it when they answer already."""
    if ask(port, PROBE, 0.2) is None:
        return False
    client = line_address(PROFILES - 1) if task.households is not None else "127.0.0.1"
    for name in task.names.some_blocked[:PROBED] if task.names is not None else ():
        answer = ask(port, query(name), 0.2, client)
        if answer is None or answer[3] & 15 != NXDOMAIN:
            return False
    return True


@contextlib.contextmanager
def serving(
    name: str,
    words: Sequence[str],
    port: int,
    task: Task,
    counts: Callable[[], tuple[int, int] | None] = lambda: None,
) -> Iterator[Running]:
    """The process on the system's processor, once it answers."""
    log = task.folder / f"{name}.log"
    began = time.monotonic()
    with child(pinned(task.cores.system, words), log) as process:
        wait_for(lambda: blocks(task, port), process, name, log)
        taken = time.monotonic() - began
        yield Running(name, port, process.pid, taken, resident(process.pid), counts)


@contextlib.contextmanager
def responder(task: Task, port: int, core: int, name: str = "bare") -> Iterator[Running]:
    """The bare responder: the measure of what the kernel takes, and the upstream of the others."""
    shared = task.folder / f"{name}.counts"
    words = [str(task.build / "responder"), "127.0.0.1", str(port), str(shared)]

    def counts() -> tuple[int, int]:
        datagrams, batches = struct.unpack("=QQ", shared.read_bytes()[:16])
        return datagrams, batches

    log = task.folder / f"{name}.log"
    began = time.monotonic()
    with child(pinned(core, words), log) as process:
        wait_for(lambda: ask(port, PROBE, 0.2) is not None, process, name, log)
        yield Running(name, port, process.pid, time.monotonic() - began, resident(process.pid), counts)
