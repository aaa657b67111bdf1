"""A start removes what killed processes left behind, and closes what others could read."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, soon
from tests.e2e.resolver_process import answering, upstream
from tests.worlds.installation import write_policies

pytestmark = pytest.mark.ring("night")

LEFT = (
    "snapshots/.17.draft",
    "snapshots/..17.draft.new",
    "feeds/worst-of/17.new",
    "feeds/worst-of/.17.new.new",
    "keys/.cookie.key.17",
    "node/.mandatory.checkpoint.new",
)


def test_a_start_tidies_up_whatever_the_umask_is(tmp_path: Path) -> None:
    policies = write_policies(tmp_path / "policies")
    before = os.umask(0o000)
    try:
        with upstream(answering({})) as (port, _):
            filterd = Deployment(tmp_path / "filterd", port, policies)
            assert filterd.run("store", "migrate").returncode == 0
            with filterd.serving():
                pass
            for name in LEFT:
                (filterd.state / name).write_bytes(bytes(1000))
            open_ = [path for path in filterd.state.rglob("*") if path.is_dir()]
            for path in (*open_, filterd.state):
                path.chmod(0o755)
            with filterd.serving():
                assert soon(lambda: not any((filterd.state / name).exists() for name in LEFT)), filterd.log()
                assert soon(lambda: not open_to_others(filterd.state)), open_to_others(filterd.state)
            assert "others had access to files of filterd" in filterd.log()
    finally:
        os.umask(before)


def open_to_others(directory: Path) -> list[str]:
    """The files and directories to which others have any right."""
    found = []
    for path in (directory, *directory.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # a draft comes and goes
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                found.append(f"{path.relative_to(directory)} {path.stat().st_mode:o}")
    return found
