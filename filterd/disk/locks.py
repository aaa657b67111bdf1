"""Lock files (flock(2)): each is held by one process at a time, and freed when that process ends."""

from __future__ import annotations

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

THREAD_PAUSE = 0.05
LOOP_PAUSE = 0.1
"""seconds between two attempts"""


class LockedError(OSError):
    """Another process still held the lock when the wait was over."""


def take_lock(path: Path, wait: float) -> IO[str]:
    """Take the lock, waiting up to ``wait`` seconds for it. It is held while the returned file is open.

    Raises ``LockedError``, and ``OSError`` where the file cannot be made.
    """
    file = path.open("a")
    deadline = time.monotonic() + wait
    while not _try_lock(file):
        if time.monotonic() >= deadline:
            file.close()
            raise LockedError
        time.sleep(THREAD_PAUSE)
    return file


@asynccontextmanager
async def locked(path: Path, wait: float) -> AsyncIterator[None]:
    """Hold the lock, waiting up to ``wait`` seconds for it without blocking the loop.

    Raises as :func:`take_lock`.
    """
    deadline = time.monotonic() + wait
    with path.open("a") as file:
        while not _try_lock(file):
            if time.monotonic() > deadline:
                raise LockedError
            await asyncio.sleep(LOOP_PAUSE)
        yield


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
