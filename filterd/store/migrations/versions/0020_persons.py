"""Authorised persons, evidence that many lines share, and the texts that were shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_EVIDENCE = ("who", 256), ("channel", 32), ("text_version", 64), ("text_digest", 64), ("reference", 256)


def upgrade() -> None:
    """Add the tables. Evidence of before is the line's own, and nobody knows who recorded it."""
    for name in ("authorisation", "shared"):
        op.add_column("request", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.add_column("request", sa.Column("recorded_by", sa.String(128), nullable=False, server_default=""))
    op.add_column("request", sa.Column("recorded_at", sa.Float, nullable=False, server_default="0"))
    op.add_column("request", sa.Column("source", sa.String(16), nullable=False, server_default=""))
    op.create_index("ix_request_reference", "request", ["reference", "line"])
    op.create_table(
        "consent_text",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("version", sa.String(64), nullable=False, index=True),
        sa.Column("since", sa.String(10), nullable=False),
        sa.Column("es", sa.Text, nullable=False),
        sa.Column("en", sa.Text, nullable=False),
        sa.Column("first_used", sa.Float, nullable=False),
    )
    _add_authorisations()
    _add_shared_evidence()


def _add_authorisations() -> None:
    op.create_table(
        "authorisation",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Integer, sa.ForeignKey("subscriber.line"), nullable=False, index=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(256), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(256), nullable=False),
        sa.Column("made_by", sa.String(128), nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("revoked_by", sa.String(128), nullable=False),
        sa.Column("revoked_at", sa.Float, nullable=False),
    )


def _add_shared_evidence() -> None:
    acts = ("asked", "approved", "rejected")
    op.create_table(
        "shared_evidence",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        *(sa.Column(f"{act}_by", sa.String(128), nullable=False) for act in acts),
        *(sa.Column(f"{act}_at", sa.Float, nullable=False) for act in acts),
    )
    op.create_table(
        "pending_opt_in",
        sa.Column(
            "line", sa.Integer, sa.ForeignKey("subscriber.line"), primary_key=True, autoincrement=False
        ),
        sa.Column("shared", sa.Integer, sa.ForeignKey("shared_evidence.number"), nullable=False, index=True),
        sa.Column("profile", sa.String(64), nullable=False),
        *(sa.Column(name, sa.String(size), nullable=False) for name, size in _EVIDENCE),
        sa.Column("at", sa.Float, nullable=False),
    )
