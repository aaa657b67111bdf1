"""Statements that are made once, and go to SQLite by the shortest way where they run on the event loop.

In a group of writes (:mod:`filterd.store.groups`) a statement finds its pages in memory. SQLAlchemy's way to
it, through a cache of compiled statements, a context and a result, takes several times what SQLite does. A
statement here has its text from the same tables; outside of a group it takes the usual way.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Delete, Insert, Select, Update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store.driver import StoreConnection

_DIALECT = sqlite.dialect(paramstyle="named")


class PreparedQuery:
    """A query whose parameters have names."""

    def __init__(self, statement: Select[Any]) -> None:
        """``statement`` selects columns of different names."""
        self._statement = statement
        self._text = str(statement.compile(dialect=_DIALECT))
        columns = statement.selected_columns
        made: Any = namedtuple("PreparedRow", [each.name for each in columns])  # type: ignore[misc]  # of the query
        self._row: Callable[[Sequence[Any]], Any] = made._make
        readers = [each.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None) for each in columns]
        self._readers = [(place, read) for place, read in enumerate(readers) if read is not None]

    async def rows(self, connection: AsyncConnection, values: Mapping[str, Any]) -> Sequence[Any]:
        """All rows, whose columns are attributes."""
        driver = _driver(connection)
        if driver.here:
            return [self._read(each) for each in driver.fetch_here(self._text, values)]
        found: Sequence[Any] = (await connection.execute(self._statement, dict(values))).all()
        return found

    def _read(self, found: tuple[Any, ...]) -> Any:
        values = list(found)
        for place, read in self._readers:
            values[place] = read(values[place])
        return self._row(values)


class PreparedChange:
    """A statement that changes rows, whose parameters have names. Values are as the driver takes them."""

    def __init__(self, statement: Insert | Update | Delete, columns: Sequence[str] | None = None) -> None:
        """``columns``: those that it sets, from parameters of their names."""
        self._statement = statement
        self._text = str(statement.compile(dialect=_DIALECT, column_keys=columns))

    async def run(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of these parameters."""
        driver = _driver(connection)
        if driver.here:
            driver.change_here(self._text, rows)
        elif rows:
            await connection.execute(self._statement, [dict(each) for each in rows])


def _driver(connection: AsyncConnection) -> StoreConnection:
    """The driver's connection under one that is open."""
    made = connection.sync_connection
    if made is None:
        message = "the connection is not open"
        raise RuntimeError(message)
    return cast(StoreConnection, made.connection.driver_connection)
