"""The tables of the lists that this installation publishes, and what others published."""

from __future__ import annotations

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Nothing stands in them at first."""
