"""A new ``filterd serve`` beside the rests of an old one names the process in its way, and the command."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small
from tests.e2e.test_crash_loop import resolver_of

pytestmark = pytest.mark.ring("night")


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    """Small policies and a store, not started."""
    with small(tmp_path) as made:
        yield made


def refusal(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The refusal in the resolver's log."""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    (found,) = (line for line in lines if line["event"] == "the resolver cannot start")
    assert lines[-1]["role"] == "supervisor"
    assert lines[-1]["remedy"]
    return {name: str(value) for name, value in found.items()}


def test_a_stopped_resolver_whose_supervisor_is_gone_is_ended(
    filterd: Deployment,
) -> None:
    """A start with another state directory leaves it alone: it is none of its own."""
    stopped = None
    try:
        with filterd.serving() as serve:
            stopped = resolver_of(serve)
            assert stopped is not None
            os.kill(stopped, signal.SIGSTOP)
            serve.kill()
            serve.wait()
        state, filterd.state = filterd.state, filterd.folder / "other"
        filterd.write_config()
        filterd.cli("store", "migrate")
        said = refusal(filterd.run("serve"))
        assert "address already in use" in said["reason"]
        assert f"process {stopped} (resolver), which is stopped" in said["remedy"]
        assert f"kill -KILL {stopped}" in said["remedy"]
        assert f"kill -CONT {stopped}" in said["remedy"]
        filterd.state = state
        filterd.write_config()

        with filterd.serving():
            assert filterd.ask("fine.example").answer
            assert soon(lambda: not Path(f"/proc/{stopped}/fd").exists())
        assert "a resolver that was left over does not answer and is ended" in filterd.log_whole()
        stopped = None
    finally:
        if stopped is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stopped, signal.SIGKILL)


def test_a_running_one_is_named_with_its_supervisor(filterd: Deployment) -> None:
    with filterd.serving() as serve:
        said = refusal(filterd.run("serve"))
        assert re.search(rf"process {resolver_of(serve)} \(resolver\)$", said["reason"])
        assert f"kill -TERM {serve.pid}" in said["remedy"]
