"""Reads the lines of a store's file, with what it holds of each, whatever schema of ours the file has.

A breach concerns a file as it is, which may be an old backup: it is neither opened as the store nor migrated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from filterd.store.driver import connected
from filterd.store.errors import translated


@dataclass(frozen=True, slots=True)
class HeldOfLine:
    """The data that a store's file holds of one line."""

    line: int
    id: str
    opted_in: bool
    profile: str
    differences: bool
    """choices against the profile, or a plan"""
    own_names: int
    requests: int
    """evidence with the names of people"""
    bindings: int
    authorised: int
    """persons whom the holder authorised, by name"""
    notices: int
    """that are stored of those that the holder was sent"""


_LATER = {
    "authorisation": "(SELECT count(*) FROM authorisation WHERE authorisation.line = subscriber.line)",
    "notice": "(SELECT count(*) FROM notice WHERE notice.line = subscriber.line)",
}
"""tables that files of older schemas lack -> the count of a line's rows"""


def lines_in(path: Path) -> Iterator[HeldOfLine]:
    """Every line in a store's file, in the order of their numbers. Raises the matching StoreError."""
    with translated(path), closing(connected(path, "ro")) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(line_state)")}
        differences = "line_state.adjustments != ''" if "adjustments" in columns else "0"
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        later = ", ".join(counted if each in tables else "0" for each, counted in _LATER.items())
        query = f"""
            SELECT line, id, opted_in, profile, {differences},
                (SELECT count(*) FROM own_name WHERE own_name.line = subscriber.line),
                (SELECT count(*) FROM request WHERE request.line = subscriber.line),
                (SELECT count(*) FROM binding WHERE binding.line = subscriber.line),
                {later}
            FROM subscriber JOIN line_state USING (line) ORDER BY line
        """  # noqa: S608 - made of texts of ours
        for line, name, opted_in, profile, differs, *counts in connection.execute(query):
            yield HeldOfLine(line, name, bool(opted_in), profile, bool(differs), *counts)
