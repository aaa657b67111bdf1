"""The tables of the duty desk: roster, requests of authorities, hand-overs, and effects of reviews."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Nothing stands in them at first."""
    _roster()
    _requests()
    _hand_overs()
    _effects()


def _roster() -> None:
    op.create_table(
        "duty_contact",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("telephone", sa.String(length=64), nullable=False),
        sa.Column("mail", sa.String(length=256), nullable=False),
        sa.Column("deputy", sa.String(length=128), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_duty_contact"),
    )
    op.create_table(
        "duty_shift",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("begins_at", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.Integer(), nullable=False),
        sa.Column("deputy", sa.String(length=128), nullable=False),
        sa.Column("told_at", sa.Float(), nullable=False),
        sa.Column("told_reference", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_duty_shift"),
    )
    op.create_index("ix_duty_shift_ends_at", "duty_shift", ["ends_at"])


def _requests() -> None:
    op.create_table(
        "duty_request",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("authority", sa.String(length=256), nullable=False),
        sa.Column("official", sa.String(length=256), nullable=False),
        sa.Column("document", sa.String(length=256), nullable=False),
        sa.Column("paper", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("due_at", sa.Integer(), nullable=False),
        sa.Column("noted_by", sa.String(length=128), nullable=False),
        sa.Column("noted_at", sa.Float(), nullable=False),
        sa.Column("closed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_duty_request"),
    )
    op.create_index("ix_duty_request_paper", "duty_request", ["paper"])
    op.create_index("ix_duty_request_received_at", "duty_request", ["received_at"])
    op.create_index("ix_duty_request_closed_at", "duty_request", ["closed_at"])
    op.create_table(
        "duty_request_step",
        sa.Column("request", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=256), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("request", "number", name="pk_duty_request_step"),
    )


def _hand_overs() -> None:
    op.create_table(
        "duty_handover",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("written_at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("open_items", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_duty_handover"),
    )
    op.create_table(
        "duty_handover_seen",
        sa.Column("handover", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("handover", "actor", name="pk_duty_handover_seen"),
    )


def _effects() -> None:
    op.create_table(
        "review_effect",
        sa.Column("review", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("noted_at", sa.Float(), nullable=False),
        sa.Column("noted_by", sa.String(length=128), nullable=False),
        sa.Column("effective_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("review", "number", name="pk_review_effect"),
    )
    op.create_index("ix_review_effect_effective_at", "review_effect", ["effective_at"])
