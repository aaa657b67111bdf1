"""The tables of feeds: versions, sources, proofs, holds. With them :data:`metadata` has every table."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from filterd.store.alarm_tables import metadata

__all__ = ["metadata"]

feed_version = Table(
    "feed_version",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("source_digest", String(64), nullable=False),
    Column("names", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("note", Text, nullable=False),
)
"""every version of a feed that was read: ``current``, ``superseded`` or ``quarantined``"""

feed_check = Table(
    "feed_check",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("checked_at", Float, nullable=False),
    Column("succeeded_at", Float, nullable=False),
    Column("error", Text, nullable=False),
)
"""the last check of a feed and its result; outside log and audit, since nothing was decided"""

adopted_feed = Table(
    "adopted_feed",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("definition", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("adopted_by", String(128), nullable=False),
    Column("adopted_at", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("retired_by", String(128), nullable=False),
    Column("retired_at", Float, nullable=False),
)
"""every feed that was ever in force: ``active``, ``retiring`` or ``retired``"""

feed_fetch = Table(
    "feed_fetch",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("tried_at", Float, nullable=False),
    Column("served_by", String(255), nullable=False),
    Column("served_at", Float, nullable=False),
    Column("modified", Boolean, nullable=False),
    Column("failures", Text, nullable=False),
    Column("gone_since", Float, nullable=False),
)
"""the last attempt to fetch a feed; outside log and audit, since nothing was decided"""

feed_source = Table(
    "feed_source",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("owner", Integer, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("signer", String(16), nullable=False),
)
"""the file that a version was read from: its size and owner, and the proof of its origin if it is signed"""

feed_serial = Table(
    "feed_serial",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("serial", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("signer", String(16), nullable=False),
    Column("at", Float, nullable=False),
)
"""the newest signed list that was taken of each feed; it outlives the feed, and nothing lowers it"""

feed_trust = Table(
    "feed_trust",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("public_key", String(64), nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("reason", Text, nullable=False),
)
"""changes of a mandatory feed's key that wait for another person; an empty key: the signature is to end"""

feed_hold = Table(
    "feed_hold",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("reason", String(32), nullable=False),
    Column("note", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("names", Integer, nullable=False),
    Column("names_digest", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("source_digest", String(64), nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("at", Float, nullable=False),
)
"""feeds of which something is held back for a person; the names stand in a file beside the versions"""

feed_acceptance = Table(
    "feed_acceptance",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("accepted_by", String(128), nullable=False),
    Column("accepted_at", Float, nullable=False),
    Column("version", Integer, nullable=False),
)
"""acceptances of what was held back; one that waits for another person has version 0"""

held_feed = Table(
    "held_feed",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("held_by", String(128), nullable=False),
    Column("held_at", Float, nullable=False),
)
"""feeds that are held at an older version, or that one person asked to hold (``held_at`` 0)"""
