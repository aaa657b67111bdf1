"""Names of real lists, of a folder beside the repository; without it a test that needs them is skipped."""

from __future__ import annotations

import lzma
import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2].parent / "shared" / "data"


def names_of(category: str) -> list[bytes]:
    """The names of a category, as its files have them."""
    folder = Path(os.environ.get("FILTERD_TEST_DATA", _BESIDE)) / "domains" / category
    files = sorted(folder.glob("*.txt.xz"))
    if not files:
        pytest.skip("no real lists beside the repository (FILTERD_TEST_DATA names their folder)")
    return [name for file in files for name in lzma.open(file).read().split()]
