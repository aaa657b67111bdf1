"""Proves the change log: computes the hash of every row again, from the floor to the head."""

from __future__ import annotations

from collections.abc import AsyncIterable

from filterd.model.change_chain import Cursor, StoredChange, change_hash
from filterd.model.changelog import ERASED


async def change_fault(rows: AsyncIterable[StoredChange], floor: Cursor, head: Cursor) -> str:
    """The first fault of the chain between ``floor`` and ``head``; empty where it holds.

    An erased row has only its place left: its hash is taken as it stands, and the rows around it prove it.
    """
    revision, previous = floor.revision, floor.hash
    async for row in rows:
        if row.revision != revision + 1:
            return f"the change after revision {revision} is missing"
        if row.kind != ERASED and row.hash != _hash_of(row, previous):
            return f"the change of revision {row.revision} was altered"
        revision, previous = row.revision, row.hash
    if (revision, previous) != (head.revision, head.hash):
        return f"the change log ends at revision {revision}, and its head is {head.revision}"
    return ""


def _hash_of(row: StoredChange, previous: str) -> str:
    return change_hash(previous, row.revision, row.stream, row.kind, row.at, row.payload, row.salt)
