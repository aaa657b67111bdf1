"""Fixtures of the roles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.worlds.maintenance import Kept, keeping


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    """Maintenance over a copy of the shipped policies."""
    async with keeping(tmp_path) as made:
        yield made
