"""The tables of registers: what authorities publish, and the answers that they got."""

from __future__ import annotations

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Nothing stands in them at first."""
