"""Codes by which a holder lets support see the own names of a line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "view_code",
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("viewer", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("line", name="pk_view_code"),
    )
