"""The tables of the times of orders."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKeyConstraint, Index, Integer, String, Table, Text

from filterd.store.feed_tables import metadata

__all__ = ["metadata"]

order_effect = Table(
    "order_effect",
    metadata,
    Column("order_number", Integer, primary_key=True, autoincrement=False),
    Column("effect", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("decided_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("everywhere_at", Float, nullable=False),
    Column("nodes", Integer, nullable=False),
    Index(None, "everywhere_at"),
)
"""from when on each order shall enforce, or lift; ``everywhere_at`` is 0 until every node has it. An order
whose row was lost has its effects all the same"""

order_node = Table(
    "order_node",
    metadata,
    Column("order_number", Integer, primary_key=True, autoincrement=False),
    Column("effect", Integer, primary_key=True, autoincrement=False),
    Column("node", String(128), primary_key=True),
    Column("applied_at", Float, nullable=False),
    Column("exact", Boolean, nullable=False),
    Column("probe", String(12), nullable=False),
    Column("probed_at", Float, nullable=False),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["order_number", "effect"], ["order_effect.order_number", "order_effect.effect"]),
)
"""when which node had which effect, in force and on its disk, and what it saw over DNS"""
