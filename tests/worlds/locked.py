"""A store whose write lock another process holds, and the tries of ours to get it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import event

from filterd.store.engine import PROMPT
from filterd.store.store import Store

AT_ONCE = replace(PROMPT, write=0.0, note=0.0)
"""a writer tries once"""


@contextmanager
def locked(store: Store, database: Path) -> Iterator[list[str]]:
    """Hold the lock while the block lasts. In the list, to which the tries to get it are added, each is one
    full wait of a request: there, a writer gives up after the first."""
    tries: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement == "BEGIN IMMEDIATE":
            tries.append(statement)

    waits, engine = store.waits, store._writer.sync_engine
    store.waits = AT_ONCE
    event.listen(engine, "before_cursor_execute", note)
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE").close()
            yield tries
            other.execute("ROLLBACK").close()
    finally:
        event.remove(engine, "before_cursor_execute", note)
        store.waits = waits
