"""SIGHUP at any moment is a reload or nothing: it ends neither ``filterd serve`` nor a role."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

HUNG_UP = """
import os, signal, sys
sys.addaudithook(lambda event, given: event == "import" and given[0] in {names!r} and os.kill(os.getpid(), 1))
from filterd.cli.entry import main
main()
"""
"""``filterd`` that gets SIGHUP at each of these imports"""
IMPORTS = ("click", "filterd.config.load", "asyncio", "filterd.serve.supervisor")


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    """Small policies and a store, not started."""
    with small(tmp_path) as made:
        yield made


def roles_of(serve: subprocess.Popen[bytes]) -> set[int]:
    """The processes that serve has started."""
    with contextlib.suppress(OSError):
        return set(map(int, Path(f"/proc/{serve.pid}/task/{serve.pid}/children").read_text().split()))
    return set()


def hang_up(serve: subprocess.Popen[bytes], seen: set[int]) -> bool:
    """SIGHUP to each role; ``seen`` collects them. False."""
    for pid in roles_of(serve):
        seen.add(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)
    return False


def serves(filterd: Deployment, port: int) -> bool:
    return filterd.http(port, "/healthz")[0] == 200


@pytest.mark.parametrize("name", IMPORTS)
def test_a_hangup_during_the_start_is_a_reload_after_it(filterd: Deployment, name: str) -> None:
    filterd.program = (sys.executable, "-c", HUNG_UP.format(names={name}))
    serve = filterd.start("--role", "control")
    try:
        assert soon(lambda: serves(filterd, filterd.control)), filterd.log()
        assert "new configuration passed on" in filterd.log()
    finally:
        serve.terminate()
        assert serve.wait(timeout=20) == 0


def test_a_hangup_ends_no_role_however_young(filterd: Deployment) -> None:
    seen: set[int] = set()
    serve = filterd.start()
    try:
        assert soon(lambda: hang_up(serve, seen) or serves(filterd, filterd.metrics)), filterd.log()
        assert soon(lambda: hang_up(serve, seen) or serves(filterd, filterd.control)), filterd.log()
        hang_up(serve, seen)
        assert soon(lambda: bool(filterd.ask("fine.example").answer))
        assert roles_of(serve) == seen, filterd.log()
        assert "a role ended" not in filterd.log()
    finally:
        serve.terminate()
        assert serve.wait(timeout=20) == 0
