"""Fixtures of receipts: an installation, and a receipt that can be made anew as tests need it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filterd.operations.context import Context
from tests.worlds.installation import Installation, install


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """One where one person is enough for an order."""
    async with installation.open("ana", approvals=1) as context:
        yield context
