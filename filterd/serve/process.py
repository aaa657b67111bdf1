"""What a role does to its own process before it holds anything secret."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import resource
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import IO, Any

from filterd.dataplane.listeners.commands import CommandSocket
from filterd.disk.locks import LockedError, take_lock
from filterd.telemetry import log

_PR_SET_DUMPABLE = 4
HOLD_SECONDS = 3.0
"""how long a role waits for one before it to let go of the state directory"""
CANNOT_START = 3
"""a role's exit code when trying again will not help: an address in use, a directory that cannot be
written"""


def forbid_dumps() -> None:
    """No core file, and no other process of this user reads our memory: it holds the fingerprint key."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def raise_file_limit(wanted: int = 0) -> int:
    """As many open files as the system lets us have: each query that waits for an upstream has a socket of
    its own, and a flood of them must leave some for the store, snapshots and TCP clients. More than the hard
    limit only where we may. How many there are now."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return sys.maxsize if most == resource.RLIM_INFINITY else most


def hold(state_dir: Path, role: str) -> IO[str]:
    """Keep a second process of the role off this state directory while the file returned is open: two would
    write over each other's state. Waits a moment for one that is just ending. Raises ``OSError``."""
    state_dir.mkdir(parents=True, exist_ok=True)
    try:
        return take_lock(state_dir / f"{role}.lock", HOLD_SECONDS)
    except LockedError:
        msg = f"another {role} uses {state_dir}: stop it, or give this one a state_dir of its own"
        raise OSError(msg) from None
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return Path(os.devnull).open()  # where nobody can write, nobody can write over another


async def take_commands(commands: CommandSocket) -> None:
    """Listen to the operator's commands, or say why not. Answering DNS needs none: a state_dir may be
    read-only, or its name too long for a socket."""
    try:
        await commands.start()
    except OSError as error:
        log.get().warning("no commands are taken", reason=str(error), remedy="mend state_dir, restart")


def run_role(role: Coroutine[Any, Any, int]) -> int:
    """Run a role to its end; its exit code. What nobody foresaw is said without the text of the error, which
    may quote what was being handled."""
    try:
        return asyncio.run(role)
    except Exception as error:
        log.get().error("the role ended by an error", **log.fault_fields(error))
        return 1
