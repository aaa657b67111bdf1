"""The tables of what is signed: keys, checkpoints of the audit trail, their anchors, and daily statements.

Rows are added and never taken away; what a row says once, it says for ever. The text that was signed is the
truth, the columns beside it find it.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from filterd.store.preservation_tables import metadata

__all__ = ["metadata"]

installation = Table(
    "installation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("made_at", Float, nullable=False),
)
"""one row, made with the first key: a random id, by which checkpoints of two installations differ"""

signing_key = Table(
    "signing_key",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("purpose", String(16), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("how", String(16), nullable=False),
    Column("at", Float, nullable=False),
    Column("checkpoint", Integer, nullable=False),
    Column("accepted_at", Float, nullable=False),
)
"""every public key that ever was in use, in base64; the last one of a purpose is in use. ``checkpoint`` is
the number of the checkpoint that announced it (0: none yet), ``accepted_at`` when a person accepted one that
took the place of another without its signature (0: nobody has)"""

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("audit_sequence", Integer, nullable=False),
    Column("audit_hash", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("change_hash", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("signature", String(96), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("text", Text, nullable=False),
)
"""``text`` is the signed canonical JSON, ``digest`` its SHA-256"""

anchor = Table(
    "anchor",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("anchor", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("checkpoint", Integer, nullable=False, index=True),
    Column("digest", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("told_at", Float, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("proof", Text, nullable=False),
    Index(None, "anchor", "checkpoint"),
)
"""a checkpoint (by number and digest) that an anchor has taken. ``proof`` is base64: the time-stamp response
(RFC 3161, DER), or the signature of who countersigned with the key ``key_id``, whose public key stands in
``countersigner``; empty for files. ``told_at`` is the time that the anchor itself gives, 0 where it gives
none"""

countersigner = Table(
    "countersigner",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("public_key", String(64), nullable=False),
    Column("at", Float, nullable=False),
)
"""public keys (base64) by which countersignatures were verified"""

anchor_state = Table(
    "anchor_state",
    metadata,
    Column("anchor", String(32), primary_key=True),
    Column("tried_at", Float, nullable=False),
    Column("succeeded_at", Float, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("trouble", Text, nullable=False),
)
"""the attempts at each anchor, overwritten: ``failures`` in a row, and why the last one failed"""

statement = Table(
    "statement",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("at", Float, nullable=False),
    Column("checkpoint", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("text", Text, nullable=False),
)
"""the signed public statement on each day, of the zone of the installation"""
