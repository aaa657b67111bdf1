"""The part ``restart``: how long a line is unknown while roles die, stop, hand over, or lose the file."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

from chain.installation import Asker, Nas, address, loaded, pid_of, show, until
from tests.e2e.deployment import stop
from tests.worlds.session_site import SessionSite

PERIOD = 0.005
STOPPED = 30
"""seconds for which control is stopped"""
BEFORE, AFTER = 1.0, 6.0
"""seconds of questions before and after"""
PAGE = 4096
EVERY = 10
"""of so many pages of a file that is damaged in places one is"""


def restart(made: SessionSite, sessions: int) -> None:
    """Print the longest times without the right answer, of a line among so many sessions."""
    until(lambda: loaded(made, sessions), 0.2)
    try:
        for what, do in steps(made, sessions).items():
            watched(what, made, sessions, do)
    finally:
        if made.serve is not None:
            stop(made.serve)


def steps(made: SessionSite, sessions: int) -> dict[str, Callable[[], None]]:
    """The things that happen, one after another."""

    def both() -> None:
        made.kill("control")
        made.kill("resolver")

    def stopped() -> None:
        control = pid_of(made, "control")
        os.kill(control, signal.SIGSTOP)
        time.sleep(STOPPED)
        os.kill(control, signal.SIGCONT)

    def whole() -> None:
        damage(made, 1, b"")
        tell(made, sessions)

    return {
        f"SIGSTOP of control for {STOPPED} s": stopped,
        "kill -9 of control": lambda: made.kill("control"),
        "kill -9 of the resolver": lambda: made.kill("resolver"),
        "kill -9 of both": both,
        "a hand-over": lambda: hand_over(made),
        f"kill -9 of all, one page in {EVERY} of the file damaged": lambda: damage(
            made, EVERY, address(sessions)
        ),
        "kill -9 of all, all of the file damaged, and a packet": whole,
    }


def tell(made: SessionSite, number: int) -> None:
    """The line's Start, once control listens."""
    nas = Nas(made)
    nas.until_heard(number)
    nas.close()


def hand_over(made: SessionSite) -> None:
    """A new ``filterd serve`` takes the sockets of the one that runs."""
    if made.serve is not None:
        made.serve.send_signal(signal.SIGUSR2)
        made.serve.wait(timeout=60)
    made.serve = made.filterd.start()


def damage(made: SessionSite, every: int, spared: bytes) -> None:
    """End all at once, write over some pages of the sessions file, and start again. The first page is left,
    and those with the address that is ``spared``; empty: none is."""
    if made.serve is not None:
        os.killpg(made.serve.pid, signal.SIGKILL)
        made.serve.wait(timeout=60)
    live = made.filterd.state / "sessions/live"
    with live.open("r+b") as file:
        for at in range(PAGE, live.stat().st_size, every * PAGE):
            file.seek(at)
            if not spared or spared not in file.read(PAGE):
                file.seek(at)
                file.write(b"\xa5" * PAGE)
    made.serve = made.filterd.start()


def until_known(made: SessionSite, number: int) -> None:
    """Wait until the line is filtered. Raises TimeoutError."""
    asker = Asker(made)
    until(lambda: asker.outcome(number) == "filtered")
    asker.close()


def watched(what: str, made: SessionSite, number: int, do: Callable[[], None]) -> None:
    """Print the longest times without the right answer while something is done to the installation."""
    tell(made, number)
    until_known(made, number)
    ended, longest, asked_in_all = threading.Event(), dict[str, float](), [0]

    def watch() -> None:
        asker, since, last = Asker(made), time.monotonic(), "filtered"
        while not ended.wait(PERIOD):
            found, now = asker.outcome(number), time.monotonic()
            asked_in_all[0] += 1
            if found != last:
                since, last = now, found
            if found != "filtered":
                longest[found] = max(longest.get(found, 0.0), now - since + PERIOD)
        asker.close()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        time.sleep(BEFORE)
        do()
        until_known(made, number)
        time.sleep(AFTER)
    finally:
        ended.set()
        thread.join()
    words = [f"{each} {1000 * longest.get(each, 0):.0f} ms" for each in ("served", "servfail", "silence")]
    show(f"longest: {what}", f"{', '.join(words)}; {asked_in_all[0]} queries")
