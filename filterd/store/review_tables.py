"""The tables of reviews: requests to look at a site again, and the decisions on them."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from filterd.store.portal_tables import metadata

__all__ = ["metadata"]

review = Table(
    "review",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("name", String(253), nullable=False),
    Column("claim", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("received_at", Float, nullable=False),
    Column("due_on", String(10), nullable=False),
    Column("requests", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("authority", String(64), nullable=False),
    Column("exception", Integer, nullable=False),
    Column("decided_at", Float, nullable=False),
    Column("decided_by", String(128), nullable=False),
    Column("duplicate_of", Integer, nullable=False),
    Column("appealed_at", Float, nullable=False),
    Column("appeal_due_on", String(10), nullable=False),
    Column("appeal_outcome", String(16), nullable=False),
    Column("appeal_reason", Text, nullable=False),
    Column("appeal_authority", String(64), nullable=False),
    Column("appeal_exception", Integer, nullable=False),
    Column("appeal_decided_at", Float, nullable=False),
    Column("appeal_decided_by", String(128), nullable=False),
    Column("closed_at", Float, nullable=False),
)
"""all requests about one name with one claim and kind; nothing in it is about who asked"""

Index(
    "ix_review_waiting",
    review.c.closed_at,
    review.c.appeal_due_on,
    review.c.due_on,
    review.c.requests.desc(),
    review.c.number,
)
"""the order in which open ones wait: those without an appeal, then by the last day of the appeal"""

review_request = Table(
    "review_request",
    metadata,
    Column("folio", String(16), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("review", Integer, nullable=False, index=True),
    Column("received_at", Float, nullable=False),
    Column("due_on", String(10), nullable=False),
    Column("language", String(8), nullable=False),
    Column("text", Text, nullable=False),
)
"""one person's request: ``digest`` is the SHA-256 of folio and code; outside log and audit"""
