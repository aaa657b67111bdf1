"""The tables of registers: what authorities publish, and the answers that they got."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Nothing stands in them at first."""
    op.create_table(
        "register_adoption",
        sa.Column("register", sa.String(length=32), nullable=False),
        sa.Column("terms", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("adopted_by", sa.String(length=128), nullable=False),
        sa.Column("adopted_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("register", name="pk_register_adoption"),
    )
    _runs()
    _items()
    op.create_table(
        "register_date",
        sa.Column("register", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("said_at", sa.Float(), nullable=False),
        sa.Column("opens_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("register", "value", name="pk_register_date"),
    )
    op.create_table(
        "register_pull",
        sa.Column("register", sa.String(length=32), nullable=False),
        sa.Column("tried_at", sa.Float(), nullable=False),
        sa.Column("good_at", sa.Float(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("register", name="pk_register_pull"),
    )


def _runs() -> None:
    op.create_table(
        "register_run",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("register", sa.String(length=32), nullable=False),
        sa.Column("document", sa.String(length=256), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("order_number", sa.Integer(), nullable=False),
        sa.Column("first_order", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("delivered_at", sa.Float(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_register_run"),
        sa.UniqueConstraint("register", "document", name="uq_register_run_register_document"),
    )
    op.create_index("ix_register_run_next_at", "register_run", ["next_at"])
    op.create_index("ix_register_run_digest", "register_run", ["digest"])


def _items() -> None:
    op.create_table(
        "register_item",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("row_at", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("done_at", sa.Float(), nullable=False),
        sa.Column("answer", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["register_run.number"], name="fk_register_item_run_register_run"),
        sa.PrimaryKeyConstraint("run", "number", name="pk_register_item"),
    )
    op.create_index("ix_register_item_answered_at", "register_item", ["answered_at"])
