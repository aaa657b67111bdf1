"""When an order's effects were due, and when which node had them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Of orders of before nothing is known: their effects were not measured."""
    op.create_table(
        "order_effect",
        sa.Column("order_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("effect", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("everywhere_at", sa.Float(), nullable=False),
        sa.Column("nodes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("order_number", "effect", name="pk_order_effect"),
    )
    op.create_index("ix_order_effect_everywhere_at", "order_effect", ["everywhere_at"])
    op.create_table(
        "order_node",
        sa.Column("order_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("effect", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("node", sa.String(length=128), nullable=False),
        sa.Column("applied_at", sa.Float(), nullable=False),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("probe", sa.String(length=12), nullable=False),
        sa.Column("probed_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_number", "effect"],
            ["order_effect.order_number", "order_effect.effect"],
            name="fk_order_node_order_number_order_effect",
        ),
        sa.PrimaryKeyConstraint("order_number", "effect", "node", name="pk_order_node"),
    )
