"""The tables of preservation holds."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from filterd.store.page_tables import metadata

__all__ = ["metadata"]

preservation_hold = Table(
    "preservation_hold",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("authority", String(256), nullable=False),
    Column("official", String(256), nullable=False),
    Column("document", String(256), nullable=False),
    Column("ground", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("classes", Text, nullable=False),
    Column("line_count", Integer, nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("made_at", Integer, nullable=False),
    Column("until", Integer, nullable=False),
    Column("ended_by", String(128), nullable=False),
    Column("ended_at", Integer, nullable=False),
    Column("end_reason", Text, nullable=False),
)
"""``number`` is the revision that made it; ``classes`` stand between commas, one at each end too"""

preservation_hold_line = Table(
    "preservation_hold_line",
    metadata,
    Column("hold", Integer, ForeignKey("preservation_hold.number", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, primary_key=True, index=True),
)
"""the lines that a hold is limited to"""
