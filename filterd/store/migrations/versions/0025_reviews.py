"""Reviews: requests to look at a site again, and the decisions on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "review",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("claim", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("due_on", sa.String(length=10), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        *_decision(""),
        sa.Column("decided_at", sa.Float(), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=False),
        sa.Column("duplicate_of", sa.Integer(), nullable=False),
        sa.Column("appealed_at", sa.Float(), nullable=False),
        sa.Column("appeal_due_on", sa.String(length=10), nullable=False),
        *_decision("appeal_"),
        sa.Column("appeal_decided_at", sa.Float(), nullable=False),
        sa.Column("appeal_decided_by", sa.String(length=128), nullable=False),
        sa.Column("closed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_review"),
    )
    op.create_index("ix_review_closed_at", "review", ["closed_at"])
    op.create_table(
        "review_request",
        sa.Column("folio", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("review", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("due_on", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("folio", name="pk_review_request"),
    )
    op.create_index("ix_review_request_review", "review_request", ["review"])


def _decision(prefix: str) -> list[sa.Column[object]]:
    return [
        sa.Column(f"{prefix}outcome", sa.String(length=16), nullable=False),
        sa.Column(f"{prefix}reason", sa.Text(), nullable=False),
        sa.Column(f"{prefix}authority", sa.String(length=64), nullable=False),
        sa.Column(f"{prefix}exception", sa.Integer(), nullable=False),
    ]
