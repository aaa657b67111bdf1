"""Kills a process at random points of changes of orders again and again, and looks at the store each time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.order_kills import child, judge
from tests.worlds.installation import install

KILLS_EACH = 50
"""on one installation: each look reads its whole trail"""
MOST_ACTS = 8
"""acknowledged before a kill"""
LONGEST = 0.02
"""seconds from there to the kill: an act takes less"""
PATIENCE = 60.0
"""seconds until a child that says nothing counts as hung"""


@dataclass(frozen=True, slots=True)
class Killed:
    """One kill and what was found after it."""

    number: int
    acknowledged: int
    under_way: str
    """the act that it was killed in; empty: between two"""
    came_in: bool
    """that act was in the store nevertheless"""
    faults: tuple[str, ...]


def played(folder: Path, kills: int, seed: int) -> Iterator[Killed]:
    """Kill so often, in installations below ``folder``. ``seed`` fixes all that is drawn; not the scheduler
    of the machine."""
    draw = random.Random(seed)
    for number in range(kills):
        base = folder / f"{number // KILLS_EACH:03}"
        if number % KILLS_EACH == 0:
            base.mkdir(parents=True)
            asyncio.run(install(base))
            known = judge.Known()
        said = _killed(base, draw, number, known)
        before = known.sequence
        faults = asyncio.run(judge.judged(base, known, said))
        done = [words for words in said if words[0] == child.DONE]
        under_way = said[-1][1] if said and said[-1][0] == child.BEGUN else ""
        orders = sum(bool(words[2]) for words in done)
        came_in = under_way.startswith("order.") and known.sequence - before > orders
        yield Killed(number, len(done), under_way, came_in, tuple(faults))


def _killed(base: Path, draw: random.Random, number: int, known: judge.Known) -> list[list[str]]:
    """What a child said before it was killed at a random point."""
    pid, read = child.fork(base, draw.getrandbits(30) + number, known.states)
    try:
        said = _heard(read, draw.randrange(MOST_ACTS + 1))
        time.sleep(draw.random() * LONGEST)
    finally:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    with contextlib.closing(os.fdopen(read, "rb")) as rest:
        said += rest.read()
    if os.WIFEXITED(status):
        raise RuntimeError("the child ended by itself: see its traceback above")
    return [json.loads(line) for line in said.split(b"\n")[:-1]]


def _heard(read: int, acts: int) -> bytes:
    """What the child says until it has acknowledged so many acts."""
    said = b""
    done = f'["{child.DONE}"'.encode()
    while said.count(done) < acts:
        ready, _, _ = select.select([read], [], [], PATIENCE)
        data = os.read(read, 65_536) if ready else b""
        if not data:
            break
        said += data
    return said
