"""SIGHUP and SIGUSR2 while ``filterd serve`` cannot act on them yet: they wait in the kernel, and end nobody.

The default action of both ends a process. So the command blocks it before it imports anything, and the
supervisor lets it through once its handler is there: a signal during the start is a reload, or a hand-over
(SIGUSR2), a moment later.
Before the interpreter runs (some 0.05 s) nobody can block it, and it still ends the process.
Roles are started with SIGHUP blocked and ignore it: settings reach them through the supervisor alone.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_HANGUP = frozenset({signal.SIGHUP, signal.SIGUSR2})


def hold() -> None:
    """Let the signals wait, in this thread and in all threads and processes that it starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANGUP)


def release() -> None:
    """Let the signals through; one that has waited acts now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANGUP)


@contextmanager
def held() -> Iterator[None]:
    """Let the signals wait inside the block: a process that is started there has them blocked from the start.
    Blocks of one thread must not overlap."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANGUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore() -> None:
    """Ignore SIGHUP in this process and in those that it starts."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
