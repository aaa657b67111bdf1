"""Locks (flock(2)) on files and directories, freed when their holders end. A lock file is held by one process
at a time; a directory is shared by those who write drafts in it, or held by one who removes drafts."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

from filterd.disk.files import close_to_others

THREAD_PAUSE = 0.05
LOOP_PAUSE = 0.1
"""seconds between two attempts"""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class LockedError(OSError):
    """Another process still held the lock when the wait was over."""


def take_lock(path: Path, wait: float) -> IO[str]:
    """Take the lock, waiting up to ``wait`` seconds for it. It is held while the returned file is open.

    Raises ``LockedError``, and ``OSError`` where the file cannot be made.
    """
    file = _opened(path)
    deadline = time.monotonic() + wait
    while not _try_lock(file):
        if time.monotonic() >= deadline:
            file.close()
            raise LockedError
        time.sleep(THREAD_PAUSE)
    return file


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock of this file; False also where this user may not look. Whoever
    wants to take it meanwhile waits a moment."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@asynccontextmanager
async def locked(path: Path, wait: float) -> AsyncIterator[None]:
    """Hold the lock, waiting up to ``wait`` seconds for it without blocking the loop.

    Raises as :func:`take_lock`.
    """
    deadline = time.monotonic() + wait
    with _opened(path) as file:
        while not _try_lock(file):
            if time.monotonic() > deadline:
                raise LockedError
            await asyncio.sleep(LOOP_PAUSE)
        yield


@contextmanager
def sharing(directory: Path, wait: float) -> Iterator[None]:
    """Write drafts in ``directory`` inside the block, beside others who do so, but while nobody removes them.
    Waits up to ``wait`` seconds. Raises ``LockedError``, and ``OSError`` where there is no such directory."""
    descriptor = os.open(directory, _DIRECTORY)
    try:
        deadline = time.monotonic() + wait
        while not _try_lock(descriptor, fcntl.LOCK_SH):
            if time.monotonic() >= deadline:
                raise LockedError
            time.sleep(THREAD_PAUSE)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Keep all others that call this out of ``directory`` inside the block; waits for them. Raises
    ``OSError``."""
    descriptor = os.open(directory, _DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone(directory: Path) -> Iterator[bool]:
    """Enter the block with True if nobody writes drafts in ``directory`` just now, and keep others from it
    until its end; with False if somebody does, or there is no such directory."""
    try:
        descriptor = os.open(directory, _DIRECTORY)
    except OSError:
        yield False
        return
    try:
        yield _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> IO[str]:
    """The file, for its owner alone whatever the umask is, and made where there is none."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    close_to_others(path)
    return os.fdopen(descriptor, "a+")


def _try_lock(file: IO[str] | int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
