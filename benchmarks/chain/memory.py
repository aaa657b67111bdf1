"""The part ``memory``: resident bytes for a session, and the times of loading."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

from chain.installation import loaded, pid_of, show, site, until
from tests.worlds.session_site import SessionSite

SETTLED = 6.0
"""seconds after which the figures of a start do not change"""


def resident(made: SessionSite, role: str) -> dict[str, int]:
    """Bytes of a role by smaps_rollup: all, and those that are its own."""
    text = Path(f"/proc/{pid_of(made, role)}/smaps_rollup").read_text()
    values = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return {name: int(values[name]) * 1024 for name in ("Rss", "Pss", "Anonymous")}


def memory(made: SessionSite, sessions: int) -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as work, site(Path(work), 0) as empty:
        time.sleep(SETTLED)
        without = {role: resident(empty, role) for role in ("resolver", "control")}
    until(lambda: loaded(made, sessions))
    time.sleep(SETTLED)
    for role, before in without.items():
        now = resident(made, role)
        words = [f"{name} {(now[name] - before[name]) / sessions:.0f} B" for name in now]
        show(f"{role}, for each of {sessions:,} sessions", ", ".join(words))
    made.kill("resolver")
    time.sleep(0.2)
    took = until(lambda: loaded(made, sessions))
    show("killed resolver until it has all of them (control sends)", f"{took:.2f} s")
    control = pid_of(made, "control")
    os.kill(control, signal.SIGSTOP)
    made.kill("resolver")
    time.sleep(0.2)
    took = until(lambda: loaded(made, sessions))
    show("the same with a control that is stopped (from the file)", f"{took:.2f} s")
    os.kill(control, signal.SIGCONT)
