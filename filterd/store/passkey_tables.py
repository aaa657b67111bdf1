"""The tables of passkeys of accounts."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, String, Table, Text

from filterd.store.duty_tables import metadata

__all__ = ["metadata", "passkey"]

passkey = Table(
    "passkey",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("token", Integer, ForeignKey("token.number", ondelete="CASCADE"), nullable=False, index=True),
    Column("party", String(253), nullable=False),
    Column("label", String(64), nullable=False),
    Column("credential", String(1400), nullable=False, unique=True),
    Column("public_key", Text, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("used_day", Integer, nullable=False),
    Column("revoked_at", Float, nullable=False),
    Column("revoked_by", String(128), nullable=False),
    Column("made_with", String(32), nullable=False, server_default=""),
    Column("revoked_with", String(32), nullable=False, server_default=""),
)
"""passkeys. ``number`` is the revision that made it; ``credential`` and ``public_key`` are base64url;
``made_with`` and ``revoked_with`` are the means (``model.passkey``), empty where they were not recorded"""
