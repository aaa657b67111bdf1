"""The tables of passkeys of accounts."""

from __future__ import annotations

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Nothing stands in them at first."""
