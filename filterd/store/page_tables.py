"""The tables of the public pages that were published: what each page said, and since when."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, LargeBinary, String, Table, Text

from filterd.store.review_tables import metadata

__all__ = ["metadata"]

page_record = Table(
    "page_record",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("facts", String(64), nullable=False),
    Column("files", Text, nullable=False),
    Column("exported_at", Float, nullable=False),
)
"""one row whenever the pages said something else. ``facts`` is the digest of the facts, ``files`` the JSON of
:class:`filterd.model.page_record.PageFile` by path"""

page_content = Table(
    "page_content",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""the bytes of every file of every record, once, as zlib writes them; ``digest``: their SHA-256"""
