"""The supervisor with a resolver that faults (another at once, in reduced mode) or is stuck (a signal)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from typing import cast

import pytest

from filterd.config.load import Configuration
from filterd.serve import crashes, supervisor
from filterd.serve.crashes import DEATHS, CrashWatch
from filterd.serve.supervisor import FIRST_PAUSE, Child, Supervisor

MARK = bytes(range(16))


def made(role: str = "resolver") -> tuple[Supervisor, Child, CrashWatch]:
    """A supervisor whose children are never told any settings."""
    found = Supervisor(None, cast("Configuration", None), [role])
    assert found._crash_watch is not None
    return found, found._children[0], found._crash_watch


async def test_the_third_fault_in_a_minute_starts_another_at_once() -> None:
    found, child, watch = made()
    began = time.monotonic()
    pauses = [found._pause_after(child, -signal.SIGSEGV, began) for _ in range(DEATHS)]
    assert pauses[:-1] == [FIRST_PAUSE * 2**number for number in range(DEATHS - 1)]
    assert pauses[-1] == 0.0
    assert watch.board.reduced
    assert found._pause_after(child, -signal.SIGSEGV, began) == FIRST_PAUSE, "it waits again where it goes on"


async def test_faults_of_control_are_none_of_a_packet() -> None:
    found = Supervisor(None, cast("Configuration", None), ["control"])
    assert found._crash_watch is None
    assert found._pause_after(found._children[0], -signal.SIGSEGV, time.monotonic()) == FIRST_PAUSE


async def test_a_resolver_that_stays_at_one_packet_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(crashes, "STUCK_SECONDS", 0.1)
    found, child, watch = made()
    child.process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    looking = asyncio.get_running_loop().create_task(found._check_for_ever())
    watch.board.note(MARK)
    assert await child.process.wait() == -signal.SIGABRT
    assert not found._pause_after(child, -signal.SIGABRT, 0.0)
    assert watch.board.killed(MARK)
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
