"""The condition that a text begins so, as a span of its order. LIKE of SQLite takes upper and lower case of
ASCII for the same, and reads no index for a text that is compared by its bytes."""

from __future__ import annotations

from sqlalchemy import ColumnElement

_LAST = "\U0010ffff"
"""sorts behind every character that an id has"""


def begins_with(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """True where the column begins with a text that is not empty."""
    return (column >= text) & (column < text + _LAST)
