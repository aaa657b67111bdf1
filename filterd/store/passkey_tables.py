"""The tables of passkeys of accounts."""

from __future__ import annotations

from filterd.store.duty_tables import metadata

__all__ = ["metadata"]
