"""Single rows, found by a key and read on the event loop.

A read transaction of the pool goes through a thread four times. A row that its key finds in a page or three
takes a fortieth of that, so what every request asks for is looked up here. Each lookup is a transaction of
its own, and sees what was committed last, by whichever process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from filterd.store.driver import connected


class Lookup:
    """A statement that finds one row at most, with its text for the driver."""

    def __init__(self, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
        self.text = str(compiled)


class Lookups:
    """A connection for lookups. Owned by one event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def row(self, lookup: Lookup, **values: Any) -> Mapping[str, Any] | None:
        """The row that was looked for, as the driver has its values; it waits for no lock. Raises
        ``sqlite3.Error``."""
        found = self._open().execute(lookup.text, values).fetchall()
        return dict(found[0]) if found else None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = connected(self._path, timeout=0, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only=ON").close()
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
