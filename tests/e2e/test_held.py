"""A new ``filterd serve`` beside the rests of an old one names the process in its way, and the command."""

from __future__ import annotations

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


def test_a_stopped_resolver_whose_supervisor_is_gone_is_named_with_the_command(filterd: Deployment) -> None:
    stopped = None
    try:
        with filterd.serving() as serve:
            stopped = resolver_of(serve)
            assert stopped is not None
            os.kill(stopped, signal.SIGSTOP)
            serve.kill()
            serve.wait()
        done = filterd.run("serve")
        assert done.returncode == 1
        said = refusal(done)
        assert (
            f"another resolver uses {filterd.state}: process {stopped} (resolver), which is stopped"
            in (said["reason"])
        )
        command = f"kill -KILL {stopped}"
        assert command in said["remedy"]
        assert f"kill -CONT {stopped}" in said["remedy"]

        state, filterd.state = filterd.state, filterd.folder / "other"
        filterd.write_config()
        filterd.cli("store", "migrate")
        said = refusal(filterd.run("serve"))
        assert "address already in use" in said["reason"]
        assert f"process {stopped} (resolver), which is stopped" in said["remedy"]
        filterd.state = state
        filterd.write_config()

        subprocess.run(command.split(), check=True)
        assert soon(lambda: not Path(f"/proc/{stopped}/fd").exists())
        stopped = None
        with filterd.serving():
            assert filterd.ask("fine.example").answer
    finally:
        if stopped is not None:
            os.kill(stopped, signal.SIGKILL)


def test_a_running_one_is_named_with_its_supervisor(filterd: Deployment) -> None:
    with filterd.serving() as serve:
        said = refusal(filterd.run("serve"))
        assert re.search(rf"process {resolver_of(serve)} \(resolver\)$", said["reason"])
        assert f"kill -TERM {serve.pid}" in said["remedy"]
