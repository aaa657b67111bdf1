"""Fixtures for the tests of the repository's own rules: its top, and the files that git tracks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """The files of the repository: tracked, or new and not ignored. Without git: all but what is built."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        names = listing.stdout.split("\0")
    else:
        built = {".venv", "build", "dist", ".git", "__pycache__", ".hypothesis"}
        names = [
            str(path.relative_to(ROOT))
            for path in ROOT.rglob("*")
            if not built & set(path.relative_to(ROOT).parts)
        ]
    return sorted(ROOT / name for name in names if name and (ROOT / name).is_file())
