"""filterd as one of the systems: a node's folder with snapshot and lines, and the resolver process on it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import resolver

from bench.machine import Cores, free_port, pinned, program, resident
from bench.snapshots import KEY, profile_name
from bench.systems import PROFILES, Running, System, Task, line_address
from filterd.config.settings import Settings

CACHE_SIZE = "256MiB"
_SAMPLE = r"^%s(?:\{[^}]*\})? (\S+)$"
Line = tuple[int, str, str]
"""number, address prefix, profile"""


def all_categories() -> str:
    """The profile of a line that blocks the whole list."""
    return profile_name(PROFILES - 1)


def add_lines(database: Path, lines: Iterable[Line]) -> None:
    """Write opted-in lines with a static binding each into a store that no node follows yet, as of revision
    1."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as store:
        store.execute("PRAGMA synchronous=OFF")
        store.execute("BEGIN IMMEDIATE")
        (last,) = store.execute("SELECT max(next_line) - 1 FROM head").fetchone()
        for number, prefix, profile in lines:
            store.execute("INSERT INTO subscriber VALUES (?, ?, 0, '')", (number, f"S-{number}"))
            store.execute("INSERT INTO line_state VALUES (?, 1, ?, 'UTC', 0, 0, '', 0)", (number, profile))
            store.execute("INSERT INTO binding VALUES (?, ?)", (prefix, number))
            last = max(last, number)
        store.execute("UPDATE head SET revision = 1, next_line = ?", (last + 1,))
        store.execute("UPDATE log_floor SET revision = 1")
        store.execute("COMMIT")


def lines_of(task: Task) -> Iterator[Line]:
    """127.0.0.1 blocks the whole list; the households as they are described."""
    yield 1, "127.0.0.1/32", all_categories()
    count = task.households.count if task.households is not None else 0
    for number in range(count):
        yield number + 2, f"{line_address(number)}/32", profile_name(number % PROFILES)


def compile_apart(names: Path, revision: int, target: Path, before: Iterable[str] = ()) -> None:
    """Compile a snapshot in a process of its own."""
    words = [*before, sys.executable, "-m", "bench.snapshots", str(names), str(revision), str(target)]
    subprocess.run(words, check=True)


def prepared(task: Task) -> Settings:
    """A node's folder; what an earlier run left there is gone."""
    folder = task.folder / "node"
    shutil.rmtree(folder, ignore_errors=True)
    names = task.names.blocked if task.names is not None else Path(os.devnull)
    compile_apart(names, 0, task.folder / "new.snapshot")
    dns = {
        "listen": [f"127.0.0.1:{free_port()}"],
        "upstreams": [{"address": f"127.0.0.1:{task.upstream}", "outstanding": 4096}],
        "threads": 1,
    }
    settings = resolver.prepare(folder, task.folder / "new.snapshot", KEY, dns)
    add_lines(folder / "filterd.db", lines_of(task))
    return settings


def pinning(cores: Cores) -> list[str]:
    """The words that keep the resolver on its processor."""
    return pinned(cores.system, [])


@contextlib.contextmanager
def filterd(task: Task) -> Iterator[Running]:
    """The resolver process alone, as its supervisor starts it."""
    settings = prepared(task)
    with resolver.running(settings, pinning(task.cores)) as (pid, seconds):
        port = settings.dns.listen[0].port
        yield Running("filterd", port, pid, seconds, resident(pid), counts_of(settings))


def counts_of(settings: Settings) -> Callable[[], tuple[int, int] | None]:
    """What the fast path tells of its batches, if there is one."""

    def counts() -> tuple[int, int] | None:
        text = exposition(settings)
        datagrams = metric(text, "filterd_fast_datagrams_total")
        batches = metric(text, "filterd_fast_batches_total")
        return None if datagrams is None or batches is None else (int(datagrams), int(batches))

    return counts


def exposition(settings: Settings) -> str:
    """The resolver's metrics."""
    listen = settings.metrics.listen
    with urllib.request.urlopen(f"http://{listen.address}:{listen.port}/metrics", timeout=10) as reply:
        text: str = reply.read().decode()
        return text


def metric(text: str, name: str) -> float | None:
    """The sum of a metric's samples, or None where it has none."""
    found = re.findall(_SAMPLE % re.escape(name), text, re.MULTILINE)
    return sum(map(float, found)) if found else None


def commit() -> str:
    """What of filterd is measured."""
    with contextlib.suppress(OSError):
        words = [program("git"), "describe", "--always", "--dirty"]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return done.stdout.decode().strip() or "unknown"
    return "unknown"


FILTERD = System("filterd", filterd, commit)
