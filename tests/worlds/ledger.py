"""The ledger of a test's store: a directory beside it."""

from __future__ import annotations

from pathlib import Path

from filterd.store.engine import database_path


def ledger_beside(url: str) -> Path:
    """The directory of the ledger for the store with this URL."""
    return database_path(url).with_name("ledger")
