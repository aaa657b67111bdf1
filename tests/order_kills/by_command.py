"""The same with the whole command: ``filterd order add`` and the rest, killed while they run."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from tests.order_kills import acts, child, judge
from tests.order_kills.campaign import Killed
from tests.worlds.installation import install

START = "from filterd.cli.entry import main; main()"
LONGER = 1.1
"""times the time that a whole command takes, from its start to the latest kill"""
DEMAND = (
    *("--authority", "Court", "--official", "Judge", "--document", "D-1"),
    *("--ground", "art. 1", "--reason", "told to"),
)


def played(folder: Path, kills: int, seed: int) -> Iterator[Killed]:
    """Kill so many commands on one installation below ``folder``."""
    draw = random.Random(seed)
    base = folder / "one"
    base.mkdir(parents=True)
    asyncio.run(install(base))
    config = base / "filterd.yaml"
    config.write_text(yaml.safe_dump(_settings(base)))
    known = judge.Known()
    began = time.monotonic()
    subprocess.run(
        _command("order", "list"), env=_environment(config, acts.FIRST), check=True, stdout=subprocess.DEVNULL
    )
    longest = LONGER * (time.monotonic() - began)
    for number in range(kills):
        action, reference = _drawn(draw, known)
        said = _killed(config, action, reference, number, draw.random() * longest)
        before = known.sequence
        faults = asyncio.run(judge.judged(base, known, said))
        done = sum(words[0] == child.DONE for words in said)
        came_in = not done and known.sequence > before
        yield Killed(number, done, "" if done else action, came_in, tuple(faults))


def _command(*words: str) -> list[str]:
    return [sys.executable, "-c", START, *words]


def _environment(config: Path, person: str) -> dict[str, str]:
    return {**os.environ, "FILTERD_CONFIG": str(config), "SUDO_USER": person}


def _settings(base: Path) -> dict[str, object]:
    """What :func:`~tests.worlds.installation.settings_in` has, as a file."""
    return {
        "store": {"url": f"sqlite:///{base}/filterd.db"},
        "state_dir": str(base / "state"),
        "policies": str(base / "policies"),
        "dns": {"upstreams": ["192.0.2.53:53"]},
    }


def _drawn(draw: random.Random, known: judge.Known) -> tuple[str, str]:
    """An act that has a command of one step."""
    while True:
        action, reference = acts.drawn(draw, known.states)
        if action in COMMANDS:
            return action, reference


COMMANDS: dict[str, Callable[[str, int], tuple[str, ...]]] = {
    "order.add": lambda _, number: ("add", f"command-{number}.example", *DEMAND),
    "order.approve": lambda reference, _: ("approve", reference),
    "order.withdraw": lambda reference, _: ("withdraw", reference, "--reason", "lifted"),
}


def _killed(config: Path, action: str, reference: str, number: int, seconds: float) -> list[list[str]]:
    """What a command acknowledged that was killed after a time, as a child would have said it."""
    person = acts.SECOND if action == "order.approve" else acts.FIRST
    words = ("order", *COMMANDS[action](reference, number), "--json")
    environment = _environment(config, person)
    with subprocess.Popen(
        _command(*words), env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as run:
        assert run.stdout is not None
        time.sleep(seconds)
        os.killpg(run.pid, signal.SIGKILL)
        out = run.stdout.read()
        run.wait()
    begun = [child.BEGUN, action, reference]
    if run.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"filterd {' '.join(words)} failed by itself")
    try:
        told = json.loads(out)
    except ValueError:
        return [begun]
    told = told.get("order", told)
    return [begun, [child.DONE, action, told["reference"], told["state"]]]
