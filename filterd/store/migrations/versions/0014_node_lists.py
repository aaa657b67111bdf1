"""The feeds that each node has in force, its canaries, and the history of which list ran where."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the columns and the table. They fill with the next reports: of before, nothing was recorded."""
    for column in (
        sa.Column("began_at", sa.Float(), nullable=False, server_default=sa.text("0")),
        sa.Column("effective_digest", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("effective_at", sa.Float(), nullable=False, server_default=sa.text("0")),
        sa.Column("feeds", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("canaries", sa.Text(), nullable=False, server_default="[]"),
    ):
        op.add_column("node", column)
    op.create_table(
        "node_list_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(length=128), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_node_list_history"),
    )
    op.create_index("ix_node_list_history_node_until", "node_list_history", ["node", "until"], unique=False)
