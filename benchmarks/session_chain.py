"""Sessions through a whole installation: a change in force, changes beside full load, memory, and restarts.

``make session-chain`` runs it. Both roles serve as an operator starts them. Sessions come as RADIUS packets
over UDP, go through control's table and the stream, and count once a DNS answer shows them. The parts:

- ``change``: from the sending of a Start to the first answer that it decides, a million sessions known; idle,
  beside 20,000 queries a second, and beside an import of 20,000 subscribers;
- ``memory``: a million sessions: resident bytes of each role for one, and how long loading takes;
- ``restart``: how long a line of 200,000 sessions is unknown when a role dies, stops, is handed over, or
  finds its file damaged;
- ``load``: 500,000 sessions replaced at the pace of ten minutes beside queries at 60 % of one processor's own
  maximum; without, with, without in turns.

It needs a machine that does nothing else: the load average is printed first and last, and the part ``load``
tells apart the seconds in which other work ran. As root it goes before other work, with the weights that the
units of the package give to the two roles. Each part ends by itself; all of them take about half an
hour, and ``--seconds 60 --turns 2`` makes the last one short.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chain.changes import change
from chain.installation import show, site
from chain.load import load
from chain.memory import memory
from chain.restarts import restart

from tests.worlds.session_site import SessionSite

BINARY = Path("build/senders").absolute()
PARTS = ("change", "memory", "restart", "load")


def main() -> int:
    """Run the parts; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    parser.add_argument("--seconds", type=int, default=600, help="of the load with changes (at most 3,600)")
    parser.add_argument("--turns", type=int, default=2, help="into which that is cut")
    parser.add_argument("--sessions", type=int, default=1_000_000, help="known, but in the part restart")
    parser.add_argument("--restarted", type=int, default=200_000, help="sessions of the part restart")
    chosen = parser.parse_args()
    seconds, turns, known = min(chosen.seconds, 3_600), max(chosen.turns, 1), chosen.sessions
    steps: dict[str, tuple[int, Callable[[SessionSite], None]]] = {
        "change": (known, partial(change, sessions=known, binary=BINARY)),
        "memory": (known, partial(memory, sessions=known)),
        "restart": (chosen.restarted, partial(restart, sessions=chosen.restarted)),
        "load": (known, partial(load, sessions=known, seconds=seconds, turns=turns, binary=BINARY)),
    }
    show("load of the machine before", "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    for part in chosen.only or PARTS:
        sessions, step = steps[part]
        with (
            tempfile.TemporaryDirectory(prefix="filterd-chain-") as work,
            site(Path(work), sessions) as made,
        ):
            step(made)
    show("load of the machine after", "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
