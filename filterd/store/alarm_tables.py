"""The tables of alarms on deadlines of orders; outside log and audit, which have the orders themselves."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table

from filterd.store.trail_tables import metadata

__all__ = ["metadata"]

order_alarm = Table(
    "order_alarm",
    metadata,
    Column("order_number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), primary_key=True),
    Column("due_at", Integer, primary_key=True, autoincrement=False),
    Column("lead", Integer, primary_key=True, autoincrement=False),
    Column("raised_at", Float, nullable=False),
)
"""the alarms that were raised (``model.order_alarm``); none is raised twice"""

order_alarm_delivery = Table(
    "order_alarm_delivery",
    metadata,
    Column("order_number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), primary_key=True),
    Column("due_at", Integer, primary_key=True, autoincrement=False),
    Column("lead", Integer, primary_key=True, autoincrement=False),
    Column("channel", String(48), primary_key=True),
    Column("failed", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("trouble", String(200), nullable=False),
    Column("raised_at", Float, nullable=False),
    Index(None, "channel", "failed"),
)
"""the channels that have not taken an alarm; a row goes when its channel has"""
