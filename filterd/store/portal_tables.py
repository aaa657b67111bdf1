"""The tables of the subscriber's portal: links to sign in with, sessions, and PINs of lines.

All of them are outside the change log. A restore empties links and sessions: whoever was signed in signs in
again.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table

from filterd.store.consent_tables import metadata

__all__ = ["metadata"]

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("code_digest", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("authorisation", Integer, nullable=False),
    Column("organisation", String(256), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)
"""open links: one that is used or withdrawn is deleted. ``number`` is the revision that made it; ``digest``
is the SHA-256 of 32 random bytes, ``code_digest`` the keyed digest of the code beside them"""

sign_in_link_line = Table(
    "sign_in_link_line",
    metadata,
    Column("link", Integer, ForeignKey("sign_in_link.number", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, ForeignKey("subscriber.line"), primary_key=True),
    Index(None, "line"),
)
"""the lines that a link is for"""

portal_session = Table(
    "portal_session",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("method", String(16), nullable=False),
    Column("authorisation", Integer, nullable=False),
    Column("organisation", String(256), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)
"""sessions that have not ended. ``number`` is the revision that made it; ``digest`` is the SHA-256 of the 32
random bytes in the browser's cookie; ``used_at`` is to the minute"""

portal_session_line = Table(
    "portal_session_line",
    metadata,
    Column("session", Integer, ForeignKey("portal_session.number", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, ForeignKey("subscriber.line"), primary_key=True),
    Index(None, "line"),
)
"""the lines that a session is for"""

line_pin = Table(
    "line_pin",
    metadata,
    Column("line", Integer, ForeignKey("subscriber.line"), primary_key=True, autoincrement=False),
    Column("hash", String(256), nullable=False),
    Column("set_at", Float, nullable=False),
)
"""the PIN of a line that has opted in: the Argon2id hash of its keyed digest"""

pin_tries = Table(
    "pin_tries",
    metadata,
    Column("line", Integer, ForeignKey("subscriber.line"), primary_key=True, autoincrement=False),
    Column("failures", Integer, nullable=False),
    Column("closed_until", Float, nullable=False),
    Column("at", Float, nullable=False),
)
"""wrong PINs in a row on a line, whether it has a PIN or not; a right one deletes the row"""
