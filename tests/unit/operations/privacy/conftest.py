"""Fixtures of the tests on privacy: an installation of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds.installation import Installation, install


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)
