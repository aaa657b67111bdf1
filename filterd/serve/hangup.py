"""SIGHUP while ``filterd serve`` cannot act on it yet: it waits in the kernel, and ends nobody.

The default action of SIGHUP ends a process. So the command blocks it before it imports anything, and the
supervisor lets it through once its handler is there: a signal during the start is a reload a moment later.
Before the interpreter runs (some 0.05 s) nobody can block it, and it still ends the process.
Roles are started with SIGHUP blocked and ignore it: settings reach them through the supervisor alone.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_HANGUP = frozenset({signal.SIGHUP})


def hold() -> None:
    """Let SIGHUP wait, in this thread and in all threads and processes that it starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANGUP)


def release() -> None:
    """Let SIGHUP through; one that has waited acts now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANGUP)


@contextmanager
def held() -> Iterator[None]:
    """Let SIGHUP wait inside the block: a process that is started there has it blocked from the beginning.
    Blocks of one thread must not overlap."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANGUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore() -> None:
    """Ignore SIGHUP in this process and in those that it starts."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
