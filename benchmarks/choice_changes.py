"""Choice changes over the API: how many in a second, how late, and how soon they are in force on the node.

``make choice-changes`` starts all roles as an operator does, with the shipped policies, lines that have opted
in, and a disk on which each sync takes 5 ms longer (``slow_sync.c``, preloaded into every role). Clients in a
process of their own change choices over kept connections; every request is a change of a line. The parts:

- ``full``: each client sends its next request when the one before is answered;
- ``paced``: so many requests a second as the bar asks for, each counted from when it was due.

Beside them a prober blocks a new name on a line of its own every half second, and asks for it over DNS until
the line does not get it. Sizes of groups are the steps of the store's newest revision, looked at every 2 ms.
Clients, prober and all roles share the processors: what each process takes of them for one change is printed.
The exit status is 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, soon
from tests.e2e.resolver_process import answering, upstream

BAR_RATE, BAR_P99, BAR_IN_FORCE = 500.0, 0.2, 1.0
PACE = 500.0
LINES_OF_CLIENT = 10
PROBED, PROBE = "P-1", "127.0.0.77"
ROLES = ("web", "control", "resolver")
CLIENTS = Path(__file__).with_name("choice_clients.py")
NXDOMAIN, FILTERED = 3, 17


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<58} {value}\n")
    sys.stdout.flush()


@dataclass
class Watched:
    """The observations beside a load."""

    groups: list[int] = field(default_factory=list)
    in_force: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)


class Site:
    """A running installation with an API on a slow disk."""

    def __init__(self, made: Deployment, supervisor: int, port: int) -> None:
        self.made, self.supervisor, self.port = made, supervisor, port
        self.secret = made.cli("token", "add", "load", "--role", "provisioning", "--system")["secret"]

    def pid(self, role: str) -> int:
        """The process of a role; 0: there is none."""
        children = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children").read_text().split()
        for pid in children:
            if f"filterd.serve.{role}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return int(pid)
        return 0

    def cpu(self) -> dict[str, float]:
        """Processor seconds of each role until now."""
        tick = os.sysconf("SC_CLK_TCK")
        found = {}
        for role in ROLES:
            fields = Path(f"/proc/{self.pid(role)}/stat").read_text().rpartition(")")[2].split()
            found[role] = (int(fields[11]) + int(fields[12])) / tick
        return found

    def up(self) -> bool:
        """Return whether the API answers."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.port}/api/openapi.json").status_code == 200
        return False


@contextlib.contextmanager
def site(work: Path, clients: int, sync_us: int) -> Iterator[Site]:
    """The installation, its lines opted in."""
    library = Path("build/slow_sync.so").absolute()
    slow = {"LD_PRELOAD": str(library), "SLOW_SYNC_US": str(sync_us)}
    with upstream(answering({})) as (above, _):
        port = free_port()
        made = Deployment(work / "filterd", above, environment=slow)
        api = {"listen": f"127.0.0.1:{port}", "requests": 100_000}
        made.write_config(web={"api": api})
        made.cli("store", "migrate")
        numbers = range(clients * LINES_OF_CLIENT)
        rows = [f"L-{number},,children,holder {number},contract {number}" for number in numbers]
        rows.append(f"{PROBED},{PROBE}/32,children,prober,contract")
        file = work / "lines.csv"
        file.write_text("subscriber,prefixes,profile,who,reference\n" + "\n".join(rows) + "\n")
        evidence = ("--text-version", "2026-11")
        done = made.run("subscriber", "import", str(file), *evidence, timeout=600)
        if done.returncode:
            raise RuntimeError(done.stderr)
        with made.serving() as process:
            found = Site(made, process.pid, port)
            soon(found.up)
            yield found


def watch_groups(store: Path, ended: threading.Event, watched: Watched) -> None:
    """Note each step of the newest revision."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        newest = connection.execute("SELECT revision FROM head").fetchone()[0]
        while not ended.wait(0.002):
            now = connection.execute("SELECT revision FROM head").fetchone()[0]
            if now != newest:
                watched.groups.append(now - newest)
            newest = now


def probe(made: Site, ended: threading.Event, watched: Watched) -> None:
    """Block one name after the other on a line, and wait until it is."""
    headers = {"Authorization": f"Bearer {made.secret}"}
    base = f"http://127.0.0.1:{made.port}/api/v1/subscribers/{PROBED}/own-names"
    with httpx.Client(headers=headers, timeout=30) as client:
        while not ended.wait(0.5):
            name = f"probe-{time.monotonic_ns()}.example"
            began = time.monotonic()
            reply = client.put(f"{base}/{name}", json={"action": "block"})
            told = time.monotonic()
            if reply.status_code != 200:
                continue
            while made.made.ask(name, source=PROBE).rcode() != NXDOMAIN or not _filtered(made, name):
                time.sleep(0.005)
            watched.answered.append(told - began)
            watched.in_force.append(time.monotonic() - told)
            client.delete(f"{base}/{name}")


def _filtered(made: Site, name: str) -> bool:
    return any(
        int(each.code) == 17 for each in made.made.ask(name, source=PROBE).options if hasattr(each, "code")
    )


def run(made: Site, clients: int, seconds: float, pace: float) -> bool:
    """One load with its report; True if it is within the bars."""
    asked = {
        "port": made.port,
        "secret": made.secret,
        "clients": clients,
        "seconds": seconds,
        "lines": LINES_OF_CLIENT,
        "pace": pace,
    }
    watched, ended = Watched(), threading.Event()
    store = made.made.state / "filterd.db"
    watching = [
        threading.Thread(target=watch_groups, args=(store, ended, watched)),
        threading.Thread(target=probe, args=(made, ended, watched)),
    ]
    for each in watching:
        each.start()
    before = made.cpu()
    done = subprocess.run(
        [sys.executable, str(CLIENTS)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=seconds + 120,
        check=True,
    )
    after = made.cpu()
    ended.set()
    for each in watching:
        each.join()
    return report(
        json.loads(done.stdout), watched, {role: after[role] - before[role] for role in ROLES}, pace
    )


def report(found: dict[str, Any], watched: Watched, cpu: dict[str, float], pace: float) -> bool:
    """Print what was found; True if it is within the bars."""
    seconds = sorted(found["seconds"])
    number, lasted, refused = len(seconds), found["lasted"], found["refused"]
    rate, p99 = number / lasted, seconds[number * 99 // 100]
    show("changes in a second", f"{rate:.0f} ({number:,} in {lasted:.1f} s; refused: {refused or 'none'})")
    show("answered after (p50, p99, worst)", _ms(seconds[number // 2], p99, seconds[-1]))
    sizes = sorted(watched.groups)
    show(
        "changes of one commit (median, largest; commits)",
        f"{statistics.median(sizes):.0f}, {sizes[-1]}; {len(sizes)}",
    )
    for role in ROLES:
        show(
            f"processor of {role} for a change",
            f"{cpu[role] / number * 1e3:.2f} ms ({cpu[role] / lasted:.0%} of one)",
        )
    show("processor of the clients for a change", f"{float(found['cpu']) / number * 1e3:.2f} ms")
    delays = sorted(watched.in_force)
    show(
        "in force on the node after the reply (p50, worst; probes)",
        f"{_ms(delays[len(delays) // 2], delays[-1])}; {len(delays)}",
    )
    enough = rate >= (BAR_RATE if not pace else 0.99 * pace)
    return enough and p99 < BAR_P99 and delays[-1] < BAR_IN_FORCE and not refused


def _ms(*seconds: float) -> str:
    return ", ".join(f"{each * 1e3:.0f} ms" for each in seconds)


def main() -> int:
    """Run the parts; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each part (at most 300)")
    parser.add_argument("--sync-us", type=int, default=5_000, help="that a sync takes longer")
    chosen = parser.parse_args()
    seconds, met = min(chosen.seconds, 300.0), True
    show("load of the machine before", "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    with (
        tempfile.TemporaryDirectory(prefix="fd-") as work,
        site(Path(work), chosen.clients, chosen.sync_us) as made,
    ):
        run(made, chosen.clients, 2.0, 0.0)
        for title, pace in (("full", 0.0), ("paced", PACE)):
            show(title, "")
            met &= run(made, chosen.clients, seconds, pace)
    show("load of the machine after", "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
