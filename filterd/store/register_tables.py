"""The tables of registers: what authorities publish, and the answers that they got."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from filterd.store.order_time_tables import metadata

__all__ = ["metadata"]

register_adoption = Table(
    "register_adoption",
    metadata,
    Column("register", String(32), primary_key=True),
    Column("terms", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("adopted_by", String(128), nullable=False),
    Column("adopted_at", Float, nullable=False),
)
"""who decided that a register's items come in under its guards"""

register_run = Table(
    "register_run",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("register", String(32), nullable=False),
    Column("document", String(256), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("origin", String(8), nullable=False),
    Column("received_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("state", String(8), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("items", Integer, nullable=False),
    Column("order_number", Integer, nullable=False),
    Column("first_order", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("answered_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("delivered_at", Float, nullable=False),
    Column("trouble", Text, nullable=False),
    UniqueConstraint("register", "document"),
    Index(None, "next_at"),
    Index(None, "digest"),
)
"""each document once: the same number again finds its row, and the answers of then"""

register_item = Table(
    "register_item",
    metadata,
    Column("run", Integer, ForeignKey("register_run.number"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("act", String(8), nullable=False),
    Column("value", Text, nullable=False),
    Column("row_at", Integer, nullable=False),
    Column("place", String(64), nullable=False),
    Column("due_at", Float, nullable=False),
    Column("done_at", Float, nullable=False),
    Column("answer", String(12), nullable=False),
    Column("reason", String(24), nullable=False),
    Column("detail", Text, nullable=False),
    Column("answered_at", Float, nullable=False),
    Index(None, "answered_at"),
)
"""``answer`` is empty until there is one; of a whole list only what changed is an item"""

register_date = Table(
    "register_date",
    metadata,
    Column("register", String(32), primary_key=True),
    Column("value", Text, primary_key=True),
    Column("said_at", Float, nullable=False),
    Column("opens_at", Float, nullable=False),
)
"""the newest date that a register gave of each name: what is older changes nothing"""

register_pull = Table(
    "register_pull",
    metadata,
    Column("register", String(32), primary_key=True),
    Column("tried_at", Float, nullable=False),
    Column("good_at", Float, nullable=False),
    Column("problem", Text, nullable=False),
)
