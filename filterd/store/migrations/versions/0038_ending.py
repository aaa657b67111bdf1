"""The endings that only the ledger had stand in the store too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Add the table. What was ended before stands in the ledger alone, until ``Store.migrate`` takes it from
    there."""
    op.create_table(
        "ending",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ending"),
    )
    op.add_column("head", sa.Column("endings_missing_to", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE head SET endings_missing_to = revision")
