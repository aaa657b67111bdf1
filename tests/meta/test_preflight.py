"""One line names whatever a machine lacks, with the Debian package or the remedy."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("make", "gcc", "awk", "cat", "sh")


def preflight(what: str, folder: Path, without: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
    """Run it with a PATH that holds only links to the tools that are meant to be there."""
    for tool in TOOLS:
        found = shutil.which(tool)
        if tool != without and found:
            (folder / tool).symlink_to(found)
    environment = {"PATH": str(folder), **extra}
    command = ["/bin/sh", str(ROOT / ".ci/preflight"), what]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def python(folder: Path, body: str) -> None:
    """A stand-in for python3: a shell script that sees its ``-c`` program as ``$2``."""
    script = folder / "python3"
    script.write_text(f'#!/bin/sh\ncase "$2" in\n{body}\nesac\n')
    script.chmod(0o755)


@pytest.mark.parametrize(("tool", "package"), [("make", "make"), ("gcc", "gcc"), ("python3", "python3")])
def test_a_missing_tool_is_named_with_its_package(tmp_path: Path, tool: str, package: str) -> None:
    if tool != "python3":
        python(tmp_path, f"*get_path*) echo {tmp_path};;")
    done = preflight("tools", tmp_path, without=tool)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(f"is missing: apt-get install {package}\n")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("*ensurepip*) exit 1;;", "apt-get install python3-venv"),
        ("*get_path*) echo /nonexistent;;", "apt-get install python3-dev"),
        ("*version_info*) exit 1;;", "Python 3.11 to 3.14"),
    ],
)
def test_a_missing_part_of_python_is_named_with_its_package(tmp_path: Path, body: str, line: str) -> None:
    python(tmp_path, body)
    done = preflight("tools", tmp_path, CC=shutil.which("gcc") or "gcc")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert line in done.stderr


def listing(folder: Path, *rows: str) -> str:
    """A folder that stands for /proc/net."""
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        body = [row.split(" ", 1)[1] for row in rows if row.startswith(kind + " ")]
        (folder / kind).write_text("\n".join(["  sl  local_address rem_address   st", *body, ""]))
    return str(folder)


@pytest.mark.parametrize(
    ("row", "port"),
    [
        ("udp   0: 0100007F:14B4 00000000:0000 07", "5300/udp"),
        ("tcp   0: 00000000:14B4 00000000:0000 0A", "5300/tcp"),
        ("tcp6   0: 00000000000000000000000000000000:1F90 0:0000 0A", "8080/tcp"),
        ("tcp   0: 0100007F:2489 00000000:0000 0A", "9353/tcp"),
        ("tcp   0: 0100007F:1F92 00000000:0000 0A", "8082/tcp"),
    ],
)
def test_a_port_in_use_is_named(tmp_path: Path, row: str, port: str) -> None:
    (tmp_path / "bin").mkdir()
    done = preflight("ports", tmp_path / "bin", NET=listing(tmp_path, row))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port} is in use" in done.stderr


def test_connections_and_other_addresses_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    rows = (
        "tcp   0: 0100007F:14B4 0100007F:9999 01",
        "tcp   1: 0500000A:14B4 00000000:0000 0A",
        "udp   2: 0100007F:9999 00000000:0000 07",
    )
    done = preflight("ports", tmp_path / "bin", NET=listing(tmp_path, *rows))
    assert (done.returncode, done.stderr) == (0, "")


def test_this_machine_has_what_it_takes() -> None:
    command = [str(ROOT / ".ci/preflight"), "tools"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
