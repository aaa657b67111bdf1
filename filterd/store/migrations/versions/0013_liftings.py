"""Liftings: what one person takes off every line's filtering for a while. Feeds that are held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "lifting",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("scope", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.Column("made_at", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("ended_by", sa.String(length=128), nullable=False),
        sa.Column("ended_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_lifting"),
    )
    op.create_table(
        "held_feed",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("held_by", sa.String(length=128), nullable=False),
        sa.Column("held_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="pk_held_feed"),
    )
