"""Alarms on deadlines of orders, and the channels that have not taken them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column("order_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lead", sa.Integer(), autoincrement=False, nullable=False),
    ]


def upgrade() -> None:
    """Make the tables, empty: alarms on what is due at this moment are raised at the next look."""
    names = ("order_number", "kind", "due_at", "lead")
    op.create_table(
        "order_alarm",
        *_key(),
        sa.Column("raised_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(*names, name="pk_order_alarm"),
    )
    op.create_table(
        "order_alarm_delivery",
        *_key(),
        sa.Column("channel", sa.String(length=48), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("trouble", sa.String(length=200), nullable=False),
        sa.Column("raised_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(*names, "channel", name="pk_order_alarm_delivery"),
    )
    op.create_index("ix_order_alarm_delivery_channel_failed", "order_alarm_delivery", ["channel", "failed"])
