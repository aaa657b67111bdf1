"""A stuck resolver whose serve is gone is ended, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filterd.serve import holders
from filterd.serve.left_over import end_left_over, end_left_over_holder, name_holder

SLEEP = "import sys; print(flush=True); sys.stdin.read()"
NOBODY = 1 << 22
"""a number that no process has (pid_max)"""
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that waits, with further words."""
    made: list[subprocess.Popen[bytes]] = []

    def begin(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", SLEEP, *words]
        made.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert made[-1].stdout is not None
        made[-1].stdout.readline()
        return made[-1]

    yield begin
    for each in made:
        each.kill()
        each.communicate()


def test_a_resolver_whose_parent_is_another_one_now_is_ended(start: Start) -> None:
    process = start("filterd.serve.resolver", f"parent={NOBODY}")
    assert end_left_over(process.pid)
    assert process.wait() < 0


@pytest.mark.parametrize(
    "words",
    [
        ("filterd.serve.resolver", f"parent={os.getpid()}"),
        ("filterd.serve.resolver",),
        ("filterd.serve.control", f"parent={NOBODY}"),
        ("another.program", f"parent={NOBODY}"),
    ],
    ids=["child", "by hand", "control", "another"],
)
def test_others_are_left_alone(start: Start, words: tuple[str, ...]) -> None:
    process = start(*words)
    assert not end_left_over(process.pid)
    assert process.poll() is None


def test_the_lock_file_names_its_holder(tmp_path: Path, start: Start) -> None:
    lock = tmp_path / "resolver.lock"
    assert not end_left_over_holder(lock)
    lock.touch()
    assert not end_left_over_holder(lock), "an earlier version locked it"
    name_holder(lock)
    assert lock.read_text() == f"{os.getpid()} {os.getppid()}\n"
    assert not end_left_over_holder(lock)
    process = start("filterd.serve.resolver", f"parent={NOBODY}")
    lock.write_text(f"{process.pid} {NOBODY}\n")
    assert end_left_over_holder(lock)
    assert not end_left_over_holder(lock), "it is gone"


@pytest.mark.parametrize(
    ("parent", "is_ended"), [(NOBODY, True), (os.getpid(), False)], ids=["gone", "there"]
)
def test_where_proc_hides_processes_the_lock_tells(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch, parent: int, is_ended: bool
) -> None:
    monkeypatch.setattr(holders, "PROC", tmp_path)
    lock = tmp_path / "resolver.lock"
    process = start()
    lock.write_text(f"{process.pid} {parent}\n")
    assert end_left_over_holder(lock) is is_ended
    assert (process.poll() is None) is not is_ended


def test_where_proc_hides_processes_the_socket_tells(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "PROC", tmp_path)
    process = start()
    assert end_left_over(process.pid)
    assert process.wait() < 0
