"""The set-up of a role's own process, before it holds anything secret."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import IO, Any, NoReturn

from filterd.config.settings import Settings
from filterd.dataplane.listeners.commands import SOCKET, CommandSocket, Flushable, Resyncable
from filterd.disk.dumps import forbid_dumps
from filterd.disk.files import close_to_others, drop_drafts, make_directory
from filterd.disk.keys import drop_key_drafts
from filterd.disk.locks import LockedError, take_lock
from filterd.serve.holders import HeldError, Holder, holder_of_lock
from filterd.serve.left_over import name_holder
from filterd.serve.local_sockets import tell_socket
from filterd.telemetry import log

HOLD_SECONDS = 3.0
"""how long a role waits for its predecessor to release the state directory"""
CANNOT_START = 3
"""a role's exit code when a restart would not help: an address in use, a directory that cannot be written"""
ANEW = 4
"""a role's exit code when it wants to be started again: what it was started with has changed"""

BEHIND = 10
"""steps by which the processes of pages stand behind DNS where both want a processor (nice(2))"""


def close_memory() -> None:
    """Keep what this process holds from others: its memory, and whatever file it makes."""
    os.umask(0o077)
    forbid_dumps()


def raise_file_limit(wanted: int = 0) -> int:
    """Raise the limit of open files as far as the system allows, and return it. Each query that waits for an
    upstream has its own socket, and a flood of them must leave files for the store, snapshots and TCP
    clients. To go beyond the hard limit takes privileges."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return sys.maxsize if most == resource.RLIM_INFINITY else most


def lock_state_dir(state_dir: Path, role: str, make_way: Callable[[Path], bool] | None = None) -> IO[str]:
    """Lock the state directory against a second process of the role while the returned file is open: two
    would overwrite each other's state. Waits a moment for a process that is just ending. ``make_way`` ends
    one that does not end by itself, and returns whether it did. Raises ``OSError``."""
    path = state_dir / f"{role}.lock"
    try:
        make_directory(state_dir)
        return take_lock(path, HOLD_SECONDS)
    except LockedError:
        if make_way is not None and make_way(path):
            return lock_state_dir(state_dir, role)
        raise _held(state_dir, role, holder_of_lock(path)) from None
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return Path(os.devnull).open()  # where nobody can write, nobody can overwrite another's state


def take_state_dir(state_dir: Path, make_way: Callable[[Path], bool]) -> IO[str]:
    """Lock the state directory for the resolver (see :func:`lock_state_dir`), then remove what a killed one
    was writing: before anything is written, since a full disk may need that room. Raises ``OSError``."""
    lock = lock_state_dir(state_dir, "resolver", make_way)
    name_holder(state_dir / "resolver.lock")
    drop_drafts(state_dir / "node")
    drop_key_drafts(state_dir)
    close_state(*private_in(state_dir))
    return lock


def _held(state_dir: Path, role: str, holder: Holder | None) -> HeldError:
    message = f"another {role} uses {state_dir}" + (f": {holder.text}" if holder is not None else "")
    other = "give this one a state_dir of its own if both are to run"
    first = holder.remedy if holder is not None else f"stop it (lsof {state_dir}/{role}.lock names it)"
    return HeldError(message, f"{first}; {other}")


def close_state(*directories: Path) -> None:
    """Take from others every right to these directories and all below: they may have been made by an earlier
    version, by a copy, or under another umask."""
    count = 0
    for directory in directories:
        for folder, _, names in os.walk(directory):
            count += sum(close_to_others(Path(folder, name)) for name in ("", *names))
    if count:
        remedy = "none: they no longer can; see who could log in on this machine meanwhile"
        log.get().warning("others had access to files of filterd", count=count, remedy=remedy)


def private_in(state_dir: Path) -> tuple[Path, ...]:
    """The directories below ``state_dir`` that filterd makes itself."""
    return tuple(state_dir / name for name in ("keys", "snapshots", "node", "feeds", "sessions"))


def command_socket(settings: Settings, cache: Flushable, node: Resyncable) -> CommandSocket:
    """The resolver's end of the operator's commands."""
    return CommandSocket(settings.state_dir / SOCKET, cache, node, tell_socket)


async def take_commands(commands: CommandSocket) -> None:
    """Listen to the operator's commands, or log why not: state_dir may be read-only, or its path too long for
    a socket. Answering DNS needs no commands, and it is tried again each second."""
    try:
        await commands.start()
    except OSError as error:
        remedy = "mend state_dir; it is tried again each second"
        log.get().warning("no commands are taken", reason=str(error), remedy=remedy)


def stand_behind_dns() -> None:
    """Let DNS have the processor first where both want it. Where a service manager forbids it, it has weighed
    the processes itself (``CPUWeight=``)."""
    with contextlib.suppress(OSError):
        os.nice(BEHIND)


def end_at_once(code: int) -> NoReturn:
    """End the process without closing anything: SQLite, when it closes a file that was replaced, would remove
    the side files of the one that has taken its place."""
    sys.stderr.flush()
    os._exit(code)


def run_role(role: Coroutine[Any, Any, int]) -> int:
    """Run a role to its end, and return its exit code. An unforeseen error is logged without its text, which
    may quote the data being handled."""
    try:
        return asyncio.run(role)
    except Exception as error:
        log.get().error("the role ended by an error", **log.fault_fields(error))
        return 1
