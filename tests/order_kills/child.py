"""The process that is killed: it changes orders one after the other, and says before and after each which."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import time
from pathlib import Path
from typing import Any

from tests.order_kills import acts
from tests.worlds.installation import Installation, settings_in

BEGUN, DONE = "begun", "done"


def fork(base: Path, seed: int, states: dict[str, str]) -> tuple[int, int]:
    """Begin a child on the installation at ``base``: its process id, and the descriptor of what it says. It
    never returns here, and ends by a signal alone."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        os.close(read)
        asyncio.run(_change(base, seed, dict(states), write))
    finally:
        os._exit(1)


async def _change(base: Path, seed: int, states: dict[str, str], out: int) -> None:
    draw = random.Random(seed)
    async with Installation(base, settings_in(base)).open(acts.FIRST, clock=time.time) as context:
        for count in itertools.count():
            action, reference = acts.drawn(draw, states)
            label = f"x{seed}-{count}"
            _say(out, [BEGUN, action, reference])
            order, state = await acts.done(context, action, reference, label)
            _say(out, [DONE, action, order, state])
            if order:
                states[order] = state


def _say(out: int, words: list[Any]) -> None:
    os.write(out, json.dumps(words).encode() + b"\n")
