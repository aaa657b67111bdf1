"""The tables of the duty desk: roster, requests of authorities, hand-overs, and effects of upheld reviews.

Requests, their steps and hand-overs are added and never changed. Nothing in them is about a line.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, String, Table, Text

from filterd.store.register_tables import metadata

__all__ = ["metadata"]

duty_contact = Table(
    "duty_contact",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(256), nullable=False),
    Column("telephone", String(64), nullable=False),
    Column("mail", String(256), nullable=False),
    Column("deputy", String(128), nullable=False),
    Column("note", Text, nullable=False),
)

duty_shift = Table(
    "duty_shift",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("account", String(128), nullable=False),
    Column("begins_at", Integer, nullable=False),
    Column("ends_at", Integer, nullable=False, index=True),
    Column("deputy", String(128), nullable=False),
    Column("told_at", Float, nullable=False),
    Column("told_reference", String(256), nullable=False),
)
"""``number`` is one more than the newest"""

duty_request = Table(
    "duty_request",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("authority", String(256), nullable=False),
    Column("official", String(256), nullable=False),
    Column("document", String(256), nullable=False),
    Column("paper", String(256), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("way", String(16), nullable=False),
    Column("asked", Text, nullable=False),
    Column("salt", String(32), nullable=False),
    Column("received_at", Float, nullable=False, index=True),
    Column("due_at", Integer, nullable=False),
    Column("noted_by", String(128), nullable=False),
    Column("noted_at", Float, nullable=False),
    Column("closed_at", Float, nullable=False, index=True),
)
"""``paper``: the document number as numbers are compared; ``salt`` goes into the digest of the words that the
audit trail has; ``closed_at``: of the newest closing step, 0 without one"""

duty_request_step = Table(
    "duty_request_step",
    metadata,
    Column("request", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("step", String(16), nullable=False),
    Column("at", Float, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("reference", String(256), nullable=False),
    Column("text", Text, nullable=False),
    Column("salt", String(32), nullable=False),
)

duty_handover = Table(
    "duty_handover",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("written_at", Float, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("salt", String(32), nullable=False),
    Column("open_items", Text, nullable=False),
)
"""``open_items``: JSON, a list of lines"""

duty_handover_seen = Table(
    "duty_handover_seen",
    metadata,
    Column("handover", Integer, primary_key=True, autoincrement=False),
    Column("actor", String(128), primary_key=True),
    Column("at", Float, nullable=False),
)

review_effect = Table(
    "review_effect",
    metadata,
    Column("review", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("reference", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("noted_at", Float, nullable=False),
    Column("noted_by", String(128), nullable=False),
    Column("effective_at", Float, nullable=False, index=True),
)
"""what followed from an upheld review: an order that was lifted, an exception, or a corrected list from a
version on; ``effective_at``: when every node had it, 0: not yet"""
