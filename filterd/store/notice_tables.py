"""The tables of notices to holders: what they were told, the receivers, and the meanings of profiles."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from filterd.store.tables import metadata

__all__ = ["metadata"]

notice = Table(
    "notice",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False, unique=True),
    Column("line", Integer, ForeignKey("subscriber.line"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("at", Float, nullable=False),
    Column("facts", Text, nullable=False),
    Column("told", Text, nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("ended_at", Float, nullable=False, server_default=text("0")),
    Index(None, "state", "ended_at"),
)
"""notices to the holders of lines, made in the transaction of the change (``model.notice``); outside log and
audit, which have the change itself. ``facts`` and ``told`` are JSON"""

notice_delivery = Table(
    "notice_delivery",
    metadata,
    Column("notice", Integer, ForeignKey("notice.number"), primary_key=True),
    Column("webhook", String(32), primary_key=True),
    Column("line", Integer, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("trouble", String(200), nullable=False),
    Index(None, "webhook", "failed", "next_at"),
    Index("ix_notice_delivery_line", "line", "webhook", "notice"),
)
"""the receivers that have not taken a notice; a row goes when its receiver has"""

webhook_stop = Table(
    "webhook_stop",
    metadata,
    Column("webhook", String(32), primary_key=True),
    Column("url_digest", String(64), nullable=False),
    Column("at", Float, nullable=False),
)
"""receivers that said that they are gone (410), under the address that they had then"""

profile_meaning = Table(
    "profile_meaning",
    metadata,
    Column("profile", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rules", Text, nullable=False),
    Column("noted_at", Float, nullable=False),
    Column("takes_effect_at", Float, nullable=False),
    Column("told_to", Integer, nullable=False),
    Column("hasten_by", String(128), nullable=False),
    Column("hasten_reason", Text, nullable=False),
)
"""what each profile restricts, and restricted before (``model.profile_meaning``). ``rules`` is JSON"""
