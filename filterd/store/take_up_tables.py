"""The tables of what reports count from day to day."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from filterd.store.passkey_tables import metadata

__all__ = ["metadata"]

take_up_day = Table(
    "take_up_day",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("subject", String(80), primary_key=True),
    Column("count", Integer, nullable=False),
)
"""counts of lines on a day, of nothing that leads to one: ``take-up.opted-in``, ``take-up.profile:…`` at its
end, ``opt-ins`` and ``opt-outs`` of it. No report tells a small one"""
