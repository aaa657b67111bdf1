"""A disk that refuses writes with EIO: a few C functions that are preloaded into a process with a script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


def run_on_failing_disk(folder: Path, prefix: Path, script: str) -> str:
    """Run a Python ``script`` in which writes to files whose path begins with ``prefix`` fail once it makes
    the file ``prefix`` + ".fails"; return what it printed. Skips the test where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a failing disk takes a C compiler")
    built = folder / "failing_disk.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, SOURCE, "-ldl"], check=True)
    preload = ":".join(filter(None, (os.environ.get("LD_PRELOAD"), str(built))))
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "LD_PRELOAD": preload, "FAILING_DISK": str(prefix)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
