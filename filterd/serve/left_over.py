"""Ends a resolver that was left over: it is stuck, and the ``filterd serve`` that started it is gone.

The service manager ends only the main process of the unit (KillMode=process), so that a resolver can hand
over. One that is stuck then would keep the ports and the lock of the state directory for ever.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

from filterd.serve.holders import Holder, holder_of_lock, process_of
from filterd.telemetry import log

GONE_SECONDS = 5.0
"""that the kernel may take to end a process; more where it waits for a disk"""


def end_left_over(pid: int) -> bool:
    """End this process if it is a resolver of ours that was left over; return whether it was and is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        # Looked at once the descriptor holds it: the number cannot have become another process's.
        found = process_of(pid)
        return found is not None and _is_left_over(found) and _end(descriptor, found)
    finally:
        os.close(descriptor)


def end_left_over_holder(lock: Path) -> bool:
    """The same of the process that holds this lock file."""
    holder = holder_of_lock(lock)
    return holder is not None and end_left_over(holder.pid)


def _is_left_over(found: Holder) -> bool:
    return found.program == "resolver" and found.orphaned and found.user == os.geteuid()


def _end(descriptor: int, found: Holder) -> bool:
    remedy = "none: the start goes on without it; report the fault, with this log"
    log.get().error(
        "a resolver that was left over does not answer and is ended", role_pid=found.pid, remedy=remedy
    )
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    ended = select.poll()
    ended.register(descriptor, select.POLLIN)
    return bool(ended.poll(GONE_SECONDS * 1000))
