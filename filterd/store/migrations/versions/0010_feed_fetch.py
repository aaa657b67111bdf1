"""Fetched feeds: which server gave the list last, and what went wrong at the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0004"


def upgrade() -> None:
    """Make the table; the first attempt to fetch fills it."""
    op.create_table(
        "feed_fetch",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("tried_at", sa.Float(), nullable=False),
        sa.Column("served_by", sa.String(length=255), nullable=False),
        sa.Column("served_at", sa.Float(), nullable=False),
        sa.Column("modified", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Text(), nullable=False),
        sa.Column("gone_since", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="pk_feed_fetch"),
    )
