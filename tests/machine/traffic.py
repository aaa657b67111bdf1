"""Clients of the machine who ask steadily while something happens to the resolver."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.worlds.machine import Machine
from tests.worlds.measured import noted

RATE = 500 if "PYTEST_XDIST_WORKER" in os.environ else 2000
"""queries a second. Beside other tests a process may wait longer for a processor than a short queue holds out
at the full rate: that one is for a machine that does nothing else (make machine)"""
BEFORE = 1.0
"""seconds of load before the event, and at least after it"""
AFTER = 2.0
STOP = "/exchange/stop"


@dataclass(slots=True)
class Counts:
    """The answers and losses that clients counted; filled when the block of :func:`traffic` ends."""

    found: dict[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return int(self.found.get(name, 0))

    def require_none_lost(self) -> None:
        """Every query was answered as it should be, once."""
        assert self["sent"] > RATE, self.found
        assert (self["lost"], self["unfiltered"], self["twice"]) == (0, 0, 0), self.found
        assert self["filtered"] == self["rcode 3"] > 0, self.found
        assert self["answered"] == self["sent"] == self["rcode 0"] + self["rcode 3"], self.found

    def require_none_unfiltered(self) -> None:
        """Nobody got the address of a blocked name, whatever was lost."""
        assert self["sent"] > RATE, self.found
        assert self["unfiltered"] == 0 < self["filtered"], self.found


@contextmanager
def traffic(machine: Machine, event: str) -> Iterator[Counts]:
    """Clients ask while the block runs, and a while before and after it."""
    stop = machine.exchange / "stop"
    stop.unlink(missing_ok=True)
    clients = machine.start("python3", "/inside/load.py", "127.0.0.1", "53", str(RATE), STOP)
    counts = Counts()
    time.sleep(BEFORE)
    try:
        yield counts
        time.sleep(AFTER)
    finally:
        stop.touch()
        printed, _ = clients.communicate(timeout=60)
    counts.found = json.loads(printed)
    noted(
        f"{event} under {counts['sent'] / counts.found['seconds']:.0f} queries/s: {counts['lost']} of "
        f"{counts['sent']} lost, {counts['unfiltered']} unfiltered, longest without an answer "
        f"{counts.found['longest'] * 1000:.0f} ms"
    )
