"""Notices to the holders of lines, their way to each receiver, and the meanings of profiles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Make the tables, empty: of changes of before nobody is told."""
    op.create_table(
        "notice",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ended_at", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name="fk_notice_line"),
        sa.PrimaryKeyConstraint("number", name="pk_notice"),
        sa.UniqueConstraint("id", name="uq_notice_id"),
    )
    op.create_index("ix_notice_line", "notice", ["line"])
    op.create_index("ix_notice_state_ended_at", "notice", ["state", "ended_at"])
    _make_deliveries()
    _make_meanings()


def _make_deliveries() -> None:
    op.create_table(
        "notice_delivery",
        sa.Column("notice", sa.Integer(), nullable=False),
        sa.Column("webhook", sa.String(length=32), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("trouble", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["notice"], ["notice.number"], name="fk_notice_delivery_notice"),
        sa.PrimaryKeyConstraint("notice", "webhook", name="pk_notice_delivery"),
    )
    op.create_index(
        "ix_notice_delivery_webhook_failed_next_at", "notice_delivery", ["webhook", "failed", "next_at"]
    )
    op.create_index("ix_notice_delivery_line", "notice_delivery", ["line", "webhook", "notice"])
    op.create_table(
        "webhook_stop",
        sa.Column("webhook", sa.String(length=32), nullable=False),
        sa.Column("url_digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("webhook", name="pk_webhook_stop"),
    )


def _make_meanings() -> None:
    op.add_column(
        "line_state", sa.Column("meaning", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.create_table(
        "profile_meaning",
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.Float(), nullable=False),
        sa.Column("takes_effect_at", sa.Float(), nullable=False),
        sa.Column("told_to", sa.Integer(), nullable=False),
        sa.Column("hasten_by", sa.String(length=128), nullable=False),
        sa.Column("hasten_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("profile", "number", name="pk_profile_meaning"),
    )
