"""The tables of the lists that this installation publishes, and of those of others that it compared.

With them :data:`metadata` has every table. No row has a name of a list's content.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, String, Table, Text

from filterd.store.take_up_tables import metadata

__all__ = ["metadata"]

publication = Table(
    "publication",
    metadata,
    Column("list", String(64), primary_key=True),
    Column("serial", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("manifest_digest", String(64), nullable=False),
    Column("manifest", Text, nullable=False),
)
"""every edition of a list that was published, and every withdrawal, which has no ``digest``: ``manifest`` is
the text that was signed, ``manifest_digest`` its SHA-256, which the next one names"""

list_comparison = Table(
    "list_comparison",
    metadata,
    Column("installation", String(32), primary_key=True),
    Column("provider", String(200), nullable=False),
    Column("told_at", Float, nullable=False),
    Column("at", Float, nullable=False),
    Column("lists", Text, nullable=False),
)
"""the last comparison with each other installation: ``told_at`` is the time of what it signed, ``lists`` the
results as JSON"""
