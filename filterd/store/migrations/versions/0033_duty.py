"""The tables of the duty desk: roster, requests of authorities, and hand-overs."""

from __future__ import annotations

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Nothing stands in them at first."""
