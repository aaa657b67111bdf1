"""A disk of a test's own that is really full: a small tmpfs in a mount namespace, where that may be made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SIZE = "3m"


def run_on_small_disk(directory: Path, script: str) -> str:
    """Run a Python ``script`` for which ``directory`` is an empty disk of ``SIZE``; return what it printed.
    Skips the test where no such disk can be made."""
    unshare = shutil.which("unshare")
    if unshare is None or shutil.which("mount") is None:
        pytest.skip("a disk of its own takes unshare and mount (util-linux)")
    directory.mkdir(exist_ok=True)
    mount = f'mount -t tmpfs -o size={SIZE} tmpfs "$0" || exit 77; exec "$@"'
    done = subprocess.run(
        [unshare, "-Urm", "sh", "-c", mount, str(directory), sys.executable, "-c", script],
        env={**os.environ, "DISK": str(directory)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no mount namespace of its own")
    assert done.returncode == 0, done.stderr
    return done.stdout


FILL = """
import errno, os, pathlib
DISK = pathlib.Path(os.environ["DISK"])

def fill(name="filler"):
    '''Until not one more byte fits.'''
    with open(DISK / name, "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                assert error.errno == errno.ENOSPC
"""
"""the beginning of a script that fills its disk"""
