"""Ends a resolver that was left over: it is stuck, and the ``filterd serve`` that started it is gone.

The service manager ends only the main process of the unit (KillMode=process), so that a resolver can hand
over. One that is stuck then would keep the ports and the lock of the state directory for ever.

``/proc`` may hide other processes (ProtectProc=), since ours forbid to be looked at. Then it is known what
the process is by what it holds: the lock of our state directory, whose file names the process that took it,
or the other end of ``handover.sock``, which the kernel names.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

from filterd.serve.holders import Holder, process_of
from filterd.telemetry import log

GONE_SECONDS = 5.0
"""that the kernel may take to end a process; more where it waits for a disk"""


def end_left_over(pid: int) -> bool:
    """End this process, the other end of ``handover.sock``, if ``/proc`` does not say that it is no resolver
    of ours that was left over; return whether it is gone."""
    return _end_if(pid, lambda found: found is None or _is_left_over(found))


def end_left_over_holder(lock: Path) -> bool:
    """End the resolver that holds this lock file, if it was left over; return whether it is gone."""
    try:
        pid, parent = map(int, lock.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return False  # it was locked by a version that does not name itself
    return _end_if(pid, lambda found: not _exists(parent) if found is None else _is_left_over(found))


def name_holder(lock: Path) -> None:
    """Write to the lock file, which we hold, who we are and who started us. A disk that is full may keep us
    from it."""
    with contextlib.suppress(OSError):
        lock.write_text(f"{os.getpid()} {os.getppid()}\n", encoding="ascii")


def _end_if(pid: int, is_one: Callable[[Holder | None], bool]) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        # Looked at once the descriptor holds it: the number cannot become another process's meanwhile.
        return is_one(process_of(pid)) and _end(descriptor, pid)
    finally:
        os.close(descriptor)


def _is_left_over(found: Holder) -> bool:
    return found.program == "resolver" and found.orphaned and found.user == os.geteuid()


def _exists(pid: int) -> bool:
    try:
        os.close(os.pidfd_open(pid))
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _end(descriptor: int, pid: int) -> bool:
    event = "a resolver that was left over does not answer and is ended"
    log.get().error(
        event, role_pid=pid, remedy="none: the start goes on without it; report it, with this log"
    )
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    ended = select.poll()
    ended.register(descriptor, select.POLLIN)
    return bool(ended.poll(GONE_SECONDS * 1000))
