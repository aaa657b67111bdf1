"""A store of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside
from tests.worlds.migrated import migrated


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a store that is not there yet."""
    return f"sqlite:///{tmp_path}/filterd.db"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An open, empty store."""
    await migrated(url, ledger_beside(url))
    opened = await Store.open(url, ledger_beside(url))
    yield opened
    await opened.close()
