"""The tables of what reports count from day to day."""

from __future__ import annotations

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Nothing stands in them at first."""
