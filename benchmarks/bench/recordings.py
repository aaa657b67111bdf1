"""What is given to a data plane in process: the mix as packets, and the snapshot that blocks a part of it."""

from __future__ import annotations

import os
from pathlib import Path

from bench import lists
from bench.inprocess import CACHED
from bench.machine import CannotRunError
from bench.ours import compile_apart
from bench.packets import query

PACKETS = 20_000


def two_processors() -> tuple[int, int]:
    """Their numbers. Raises CannotRunError: there is one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        message = "there is one processor"
        raise CannotRunError(message)
    return cores[0], cores[1]


def record_mix(names: lists.Names, snapshot: Path) -> list[tuple[bytes, int]]:
    """The packets and their flags; the list is compiled to ``snapshot``."""
    compile_apart(names.blocked, 0, snapshot)
    popular = frozenset(names.popular)
    mix = lists.mix(names.popular, names.some_blocked, lists.BLOCKED_SHARE)[:PACKETS]
    return [(query(name), CACHED if name in popular else 0) for name in mix]
