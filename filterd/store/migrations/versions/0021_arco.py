"""ARCO requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "arco_request",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=256), nullable=False),
        sa.Column("received_on", sa.String(length=10), nullable=False),
        sa.Column("answer_by", sa.String(length=10), nullable=False),
        sa.Column("carry_out_by", sa.String(length=10), nullable=False),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("answered_at", sa.Float(), nullable=False),
        sa.Column("closed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_arco_request"),
    )
    op.create_index("ix_arco_request_line", "arco_request", ["line"])
