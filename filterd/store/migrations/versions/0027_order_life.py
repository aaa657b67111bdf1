"""The life of an order beyond its intake, and the salt of audit entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Orders of before have no law of their own and no step; entries of before have no salt."""
    op.create_table(
        "order_step",
        sa.Column("order_number", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=256), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_number"], ["orders.number"], name="fk_order_step_order_number_orders"
        ),
        sa.PrimaryKeyConstraint("order_number", "number", name="pk_order_step"),
    )
    for name, kind, default in (
        ("law", sa.Text(), ""),
        ("proportionality", sa.Text(), ""),
        ("protection_overridden", sa.Boolean(), sa.false()),
        ("enforce_by", sa.Integer(), sa.text("0")),
        ("report_by", sa.Integer(), sa.text("0")),
    ):
        op.add_column("orders", sa.Column(name, kind, nullable=False, server_default=default))
    op.add_column("audit", sa.Column("salt", sa.String(length=32), nullable=False, server_default=""))
