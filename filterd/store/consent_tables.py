"""The tables of consent: the texts that were shown, authorised persons, and evidence that lines share."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, String, Table, Text

from filterd.store.notice_tables import metadata

__all__ = ["metadata"]

consent_text = Table(
    "consent_text",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("version", String(64), nullable=False, index=True),
    Column("since", String(10), nullable=False),
    Column("es", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("first_used", Float, nullable=False),
)
"""every text that a request rests on, as it was when it was first used; none is ever changed or deleted"""

authorisation = Table(
    "authorisation",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, ForeignKey("subscriber.line"), nullable=False, index=True),
    Column("digest", String(64), nullable=False),
    Column("person", String(256), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("reference", String(256), nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("revoked_by", String(128), nullable=False),
    Column("revoked_at", Float, nullable=False),
)
"""persons whom the holder of a line authorised. ``number`` is the revision that made it; ``digest`` is the
SHA-256 of a credential of 80 random bits, which that person alone has"""

shared_evidence = Table(
    "shared_evidence",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("source", String(64), nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("approved_by", String(128), nullable=False),
    Column("approved_at", Float, nullable=False),
    Column("rejected_by", String(128), nullable=False),
    Column("rejected_at", Float, nullable=False),
)
"""evidence that many rows of an import share: nothing is in force before another person approves it"""

pending_opt_in = Table(
    "pending_opt_in",
    metadata,
    Column("line", Integer, ForeignKey("subscriber.line"), primary_key=True, autoincrement=False),
    Column("shared", Integer, ForeignKey("shared_evidence.number"), nullable=False, index=True),
    Column("profile", String(64), nullable=False),
    Column("who", String(256), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("at", Float, nullable=False),
    Column("text_version", String(64), nullable=False),
    Column("text_digest", String(64), nullable=False),
    Column("reference", String(256), nullable=False),
)
"""rows of shared evidence that wait, one at most for a line; outside log and audit"""
