"""Adopted feeds: what is in force no longer hangs on the entries of a file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table. Control fills it at its next turn, from what the store has a version of."""
    op.create_table(
        "adopted_feed",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("adopted_by", sa.String(length=128), nullable=False),
        sa.Column("adopted_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("retired_by", sa.String(length=128), nullable=False),
        sa.Column("retired_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="pk_adopted_feed"),
    )
