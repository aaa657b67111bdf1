"""The tables of what reports count from day to day."""

from __future__ import annotations

from filterd.store.passkey_tables import metadata

__all__ = ["metadata"]
