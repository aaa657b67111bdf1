"""Statements (of SQL) about published lists, and about comparisons with those of other providers."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.publication_tables import list_comparison, publication

PUBLISHED = "feed.publish"
WITHDRAWN = "feed.unpublish"
COMPARED = "list.compare"
"""the actions of the trail"""
MOST_COMPARED = 64
"""other installations whose last comparison is kept; beyond, the oldest goes"""


@dataclass(frozen=True, slots=True)
class PublishedEdition:
    """An edition of a list that was published."""

    list: str
    serial: int
    """grows with every edition"""
    at: float
    """when it was published first, Unix seconds"""
    digest: str
    """SHA-256 of the canonical rules, as in the snapshot; empty: the list was withdrawn"""
    manifest_digest: str
    manifest: str
    """the text that was signed"""

    @property
    def withdrawn(self) -> bool:
        """True for the last word on a list that is not published any more."""
        return not self.digest


@dataclass(frozen=True, slots=True)
class KeptComparison:
    """The last comparison with another installation."""

    installation: str
    provider: str
    told_at: float
    """the time of what the other signed"""
    at: float
    lists: list[dict[str, Any]]
    """the result of each list"""


async def newest(connection: AsyncConnection, identifier: str) -> PublishedEdition | None:
    """The newest edition of a list; None: it was never published."""
    query = select(publication).where(publication.c.list == identifier)
    row = (await connection.execute(query.order_by(publication.c.serial.desc()).limit(1))).first()
    return None if row is None else _edition(row)


async def newest_ones(connection: AsyncConnection) -> dict[str, PublishedEdition]:
    """The newest edition of every list that was published, by list."""
    query = select(publication).order_by(publication.c.list, publication.c.serial)
    return {row.list: _edition(row) for row in await connection.execute(query)}


async def first_at(connection: AsyncConnection) -> float:
    """When the first edition of any list was published, Unix seconds; 0: none was."""
    return float((await connection.execute(select(func.min(publication.c.at)))).scalar() or 0.0)


async def add(connection: AsyncConnection, edition: PublishedEdition) -> None:
    """Add an edition."""
    values = {each: getattr(edition, each) for each in edition.__slots__}
    await connection.execute(insert(publication).values(values))


async def keep(connection: AsyncConnection, found: KeptComparison) -> None:
    """Put a comparison in the place of the last one with that installation."""
    await connection.execute(
        delete(list_comparison).where(list_comparison.c.installation == found.installation)
    )
    values = {each: getattr(found, each) for each in found.__slots__}
    values["lists"] = json.dumps(found.lists, sort_keys=True)
    await connection.execute(insert(list_comparison).values(values))
    count = (await connection.execute(select(func.count()).select_from(list_comparison))).scalar_one()
    if count > MOST_COMPARED:
        oldest = select(list_comparison.c.installation).order_by(list_comparison.c.at).limit(1)
        await connection.execute(
            delete(list_comparison).where(list_comparison.c.installation.in_(oldest.scalar_subquery()))
        )


async def comparisons(connection: AsyncConnection) -> list[KeptComparison]:
    """The last comparison with each installation, the newest first."""
    query = select(list_comparison).order_by(list_comparison.c.at.desc(), list_comparison.c.installation)
    return [
        KeptComparison(row.installation, row.provider, row.told_at, row.at, json.loads(row.lists))
        for row in await connection.execute(query)
    ]


async def results(connection: AsyncConnection) -> Counter[str]:
    """How many lists had each result in the last comparisons."""
    return Counter(str(each["result"]) for kept in await comparisons(connection) for each in kept.lists)


def _edition(row: Any) -> PublishedEdition:
    return PublishedEdition(row.list, row.serial, row.at, row.digest, row.manifest_digest, row.manifest)
