"""Copies a store while it is in use, through SQLite's own online backup.

The copy is one state of the source. The target gets it in one transaction, under its write lock: whoever
reads it meanwhile goes on reading the old content, and whatever fails leaves that in place. Its calls wait
for the disk.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from filterd.disk.files import drop_drafts, rename_file, replace_file, sync_directory
from filterd.model.order import ENDED
from filterd.store.driver import connected
from filterd.store.errors import translated

LOCK_SECONDS = 15.0
"""to wait for the target's write lock"""
PIECE = 1 << 20
STEP_PAGES = 4096
"""pages copied between two reports of progress"""
SIDE_FILES = ("", "-wal", "-shm")
"""SQLite's files: the database, and those beside it that belong to no other"""

_MISSING_ORDERS = """
    SELECT reference, count(*) OVER () FROM main.orders
    WHERE state NOT IN (SELECT value FROM json_each(:ended)) AND number NOT IN (
        SELECT number FROM made.orders WHERE state NOT IN (SELECT value FROM json_each(:ended))
        UNION ALL SELECT value FROM json_each(:orders_ended))
    ORDER BY number LIMIT :limit"""
_MISSING_LINES = """
    SELECT id, count(*) OVER () FROM main.line_state JOIN main.subscriber USING (line)
    WHERE opted_in AND line NOT IN (
        SELECT line FROM made.line_state WHERE opted_in UNION ALL SELECT value FROM json_each(:lines_ended))
    ORDER BY line LIMIT :limit"""

Tell = Callable[[int, int], None]
"""takes the pages copied so far, and all of them"""


def copy_store(source: Path, target: Path, tell: Tell | None = None) -> None:
    """Copy one state of the store ``source`` to ``target``, a new file for its owner alone, or a store that
    is in use. Raises the matching StoreError."""
    with translated(target):
        os.close(os.open(target, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        with closing(_opened(source, "ro")) as reading, closing(_opened(target, "rw")) as writing:
            reading.execute("BEGIN")  # the state stays the same between two steps
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reading.backup(writing, pages=STEP_PAGES, progress=_progress(tell))
            reading.rollback()
            writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(target.parent)


def revision_of(path: Path) -> int:
    """The newest revision of a store of whatever schema. Raises StoreError."""
    with translated(path), closing(connected(path, "ro")) as connection:
        row = connection.execute("SELECT revision FROM head").fetchone()
    return 0 if row is None else int(row[0])


@dataclass(frozen=True, slots=True)
class Missing:
    """Rows of one store that another one lacks."""

    first: tuple[str, ...]
    count: int
    """of all"""


def missing_from(
    made: Path, path: Path, limit: int, *, orders_ended: Sequence[int], lines_ended: Sequence[int]
) -> tuple[Missing, Missing]:
    """Orders that have not ended, by reference, and opted-in lines, by the operator's id, that the store
    ``path`` has and ``made``, of the same schema, has not: the first ``limit`` of each. ``orders_ended`` and
    ``lines_ended``: numbers to leave out, since they ended after ``path`` was copied. Raises the matching
    StoreError."""
    values = {
        "limit": limit,
        "ended": json.dumps(sorted(ENDED)),
        "orders_ended": json.dumps(orders_ended),
        "lines_ended": json.dumps(lines_ended),
    }
    with translated(path), closing(_opened(path, "ro")) as connection:
        connection.execute("ATTACH ? AS made", (f"{made.absolute().as_uri()}?mode=ro",))
        found = [connection.execute(query, values).fetchall() for query in (_MISSING_ORDERS, _MISSING_LINES)]
    return _missing(found[0]), _missing(found[1])


def _missing(rows: Sequence[tuple[str, int]]) -> Missing:
    return Missing(tuple(row[0] for row in rows), rows[0][1] if rows else 0)


def stopped_writers(path: Path, stop: Callable[[], None]) -> None:
    """Call ``stop`` while nobody writes in the store. Raises the matching StoreError."""
    with translated(path), closing(_opened(path, "rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            stop()
        finally:
            connection.rollback()


def put_in_place(made: Path, path: Path, suffix: str) -> None:
    """Put a copy of the closed store ``made`` in the place of one that cannot be opened, whose files get
    ``suffix`` behind their names. Raises ``OSError``; where there is no room, the old one still stands."""
    draft = _draft_of(path)
    with made.open("rb") as file:
        replace_file(draft, iter(lambda: file.read(PIECE), b""))
    for side in SIDE_FILES:
        old = path.with_name(path.name + side)
        if old.exists():
            old.rename(old.with_name(old.name + suffix))
    rename_file(draft, path)


def drop_draft(path: Path) -> None:
    """Remove what a killed :func:`put_in_place` left beside the store. Only where no restore is under way.
    Raises ``OSError``."""
    draft = _draft_of(path)
    draft.unlink(missing_ok=True)
    drop_drafts(path.parent, f".{draft.name}.new")


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.restored")


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    return connected(path, mode, timeout=LOCK_SECONDS, isolation_level=None)


def _progress(tell: Tell | None) -> Callable[[int, int, int], None]:
    def told(_status: int, remaining: int, total: int) -> None:
        if tell is not None:
            tell(total - remaining, total)

    return told
