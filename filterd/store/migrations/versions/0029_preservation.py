"""Preservation holds, and the lines that they are limited to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "preservation_hold",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("authority", sa.String(length=256), nullable=False),
        sa.Column("official", sa.String(length=256), nullable=False),
        sa.Column("document", sa.String(length=256), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.Column("made_at", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("ended_by", sa.String(length=128), nullable=False),
        sa.Column("ended_at", sa.Integer(), nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_preservation_hold"),
    )
    op.create_table(
        "preservation_hold_line",
        sa.Column("hold", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hold"],
            ["preservation_hold.number"],
            name="fk_preservation_hold_line_hold_preservation_hold",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hold", "line", name="pk_preservation_hold_line"),
    )
    op.create_index("ix_preservation_hold_line_line", "preservation_hold_line", ["line"])
