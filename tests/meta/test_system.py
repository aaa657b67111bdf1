"""Tests that need a system package are skipped with one line, and fail on a machine that must have it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worlds.system import PACKAGES

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest

@pytest.mark.system("kdig", "dig")
def test_client(): pass

@pytest.mark.system("unbound")
class TestUpstream:
    def test_one(self): pass
    def test_two(self): pass

def test_other(): pass
"""


def run(folder: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """The tests above on a machine without any of the commands."""
    (folder / "test_them.py").write_text(TESTS)
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    program = (
        "import shutil, sys, pytest; shutil.which = lambda *_, **__: None; "
        "sys.exit(pytest.main(sys.argv[1:]))"
    )
    options = [
        "-p",
        "tests.worlds.system",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(folder),
        "-q",
    ]
    command = [sys.executable, "-c", program, *options, str(folder / "test_them.py")]
    return subprocess.run(
        command, cwd=ROOT, env=environment | extra, capture_output=True, text=True, check=False
    )


@pytest.mark.ring("night")
def test_missing_packages_are_one_line_of_the_summary(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 3 skipped" in done.stdout
    lines = [line for line in done.stdout.splitlines() if "apt-get install" in line]
    assert len(lines) == 1
    assert lines[0].endswith(
        "3 tests skipped, to run them: apt-get install bind9-dnsutils knot-dnsutils unbound"
    )


@pytest.mark.ring("night")
def test_a_machine_of_ours_must_have_them(tmp_path: Path) -> None:
    done = run(tmp_path, CI="true")
    assert done.returncode == 1
    assert "1 passed" in done.stdout
    assert "apt-get install bind9-dnsutils knot-dnsutils" in done.stdout


@pytest.mark.parametrize("package", sorted(set(PACKAGES.values())))
def test_our_machine_installs_every_package_that_tests_need(package: str) -> None:
    assert package in (ROOT / ".ci/run").read_text().split()


def test_every_command_that_a_test_needs_has_a_package() -> None:
    needed = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for names in re.findall(r"mark\.system\(([^)]*)\)", path.read_text()):
            needed |= set(re.findall(r'"([^"]+)"', names))
    assert needed
    assert needed - PACKAGES.keys() == set()
