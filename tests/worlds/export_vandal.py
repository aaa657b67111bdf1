"""Changes the rows of a store by hand, column by column, and exports it: what the verifiers then find."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.worlds import exported
from tests.worlds.export_mutations import Campaign
from tests.worlds.installation import Installation

TABLES = (
    *("audit", "orders", "order_name", "order_address", "sealed_order", "order_approval", "order_step"),
    *("feed_version", "adopted_feed", "lifting", "page_record", "checkpoint"),
)
"""whose rows an export shows"""
NOT_EXPORTED = frozenset(
    (
        *("order_approval.at", "feed_version.source_digest", "feed_version.skipped", "feed_version.at"),
        *("feed_version.note", "adopted_feed.adopted_by", "adopted_feed.adopted_at", "adopted_feed.reason"),
        *("adopted_feed.asked_at", "adopted_feed.retired_at", "lifting.reason", "lifting.made_by"),
        *("lifting.made_at", "lifting.ended_by", "page_record.at", "page_record.revision"),
        *("page_record.exported_at", "checkpoint.at"),
    )
)
"""columns of which no entry of the trail tells: an export does not have them"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that has a row."""

    table: str
    name: str
    row: int
    value: Any

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


def columns(installation: Installation) -> Iterator[Column]:
    """The newest row of every table, by each of its columns."""
    with closing(sqlite3.connect(installation.database)) as raw:
        raw.row_factory = sqlite3.Row
        for table in TABLES:
            row = raw.execute(f"SELECT rowid AS at, * FROM {table} ORDER BY rowid DESC LIMIT 1").fetchone()  # noqa: S608 - names of tables and columns
            for name in [] if row is None else row.keys()[1:]:
                column = Column(table, name, row["at"], row[name])
                if str(column) not in NOT_EXPORTED:
                    yield column


async def vandalise(installation: Installation, column: Column) -> None:
    """Change the value of one column of one row."""
    value = column.value
    changed: Any = f"{value or ''}x"
    if isinstance(value, int | float):
        changed = 1 - value if value in (0, 1) else value + 1000
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        sql = f"UPDATE {column.table} SET {column.name} = ? WHERE rowid = ?"  # noqa: S608 - names of tables and columns
        assert raw.execute(sql, (changed, column.row)).rowcount == 1


async def run(installation: Installation, directory: Path, wanted: Iterator[Column]) -> Campaign:
    """Change each column in turn, export that, and show it to both verifiers; then put the store back."""
    saved = directory / "saved"
    await asyncio.to_thread(shutil.copytree, installation.base, saved)
    made = []
    for column in wanted:
        await vandalise(installation, column)
        await exported.write(installation, directory / "export")
        made.append(("a row of the store changed", str(column), (directory / "export").read_bytes()))
        await asyncio.to_thread(shutil.rmtree, installation.base)
        await asyncio.to_thread(shutil.copytree, saved, installation.base)
    await exported.write(installation, directory / "export")
    campaign = Campaign(directory)
    campaign.try_all(iter(made))
    return campaign
