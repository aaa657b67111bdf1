"""The part ``change``: from the sending of a Start to the first answer that it decides."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from bench.loads import Generator, Senders
from bench.machine import Cores
from bench.packets import write_entries

from chain.installation import LINES, Asker, Nas, asked, loaded, show, until
from tests.worlds.session_site import FORWARDER, SessionSite

CHANGES = 500
BESIDE = 20_000
"""queries a second"""
LONGEST = 100
"""seconds of the queries beside"""
PATIENCE = 30.0


def change(made: SessionSite, sessions: int, binary: Path) -> None:
    """Print how long a change takes to be in force where so many sessions are known."""
    until(lambda: loaded(made, sessions), 0.2)
    numbers = count(5_000_000)
    changes(f"change in force, {sessions:,} known, idle", made, numbers)
    entries = write_entries(made.filterd.folder / "beside", ((asked(n), 0) for n in range(10_000)))
    generator = Generator(Cores.of_machine(), binary)
    how = Senders(entries, LONGEST, BESIDE, 1, FORWARDER)
    with generator.start(generator.words(made.filterd.port, how)) as process:
        time.sleep(2)
        changes(f"the same beside {BESIDE:,} queries/s", made, numbers, lambda: process.poll() is None)
        process.terminate()
    rows = made.filterd.folder / "more.csv"
    rows.write_text("subscriber\n" + "".join(f"M-{number}\n" for number in range(LINES)))
    work = threading.Thread(target=made.filterd.run, args=("subscriber", "import", str(rows)))
    work.start()
    changes(f"the same beside an import of {LINES:,}", made, numbers, work.is_alive)
    work.join()


def changes(
    what: str, made: SessionSite, numbers: Iterator[int], beside: Callable[[], bool] | None = None
) -> None:
    """Print how long CHANGES take one after another. ``beside``: True while the other work still goes on."""
    nas, asker, took, during = Nas(made), Asker(made), list[float](), 0
    for _ in range(CHANGES):
        number = next(numbers)
        began = time.monotonic()
        nas.start("ana@isp.example", number, wait=False)
        while asker.outcome(number) != "filtered":
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(made.filterd.log())
        took.append(time.monotonic() - began)
        during += beside is None or beside()
    nas.close()
    asker.close()
    cuts = statistics.quantiles(took, n=100)
    words = f"p50 {1000 * cuts[49]:.1f} ms, p99 {1000 * cuts[98]:.1f} ms, worst {1000 * max(took):.1f} ms"
    show(what, f"{words} of {len(took)}, {during} of them while that went on")
