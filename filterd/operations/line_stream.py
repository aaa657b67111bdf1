"""Imports lines that arrive as rows of JSON, and tells the outcome of each; what it does with a row is what
``operations.importing`` does with that of a file.

A bad row is rejected, and the others act. Rows are written in chunks of :data:`CHUNK_CHANGES` changes, each
one transaction, with a pause for others behind it. A row that the store has already is left alone, so that
whatever was broken off is sent again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from filterd.model.subscriber import RequestEvidence
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.import_batch import Importing, ImportRow, write_chunk
from filterd.operations.importing import (
    ACCEPT_EMPTY,
    CHUNK_CHANGES,
    EVIDENCE,
    ImportResult,
    RowReader,
    reason_of,
    unread_of_profiles,
)
from filterd.store.engine import BREATH

FIELDS = ("id", "prefixes", "profile", "zone", "evidence", ACCEPT_EMPTY)
LONGEST_ROW = 65_536
"""bytes"""
MOST_WAITING = 4_096
"""rows that wait for their chunk, good or bad"""
TURN_ROWS = 200
"""rows that are read in one turn of the event loop"""
_FORM = (
    'send {"id": ..., "prefixes": [...], "profile": ..., "zone": ..., "evidence": {...},'
    ' "accept_empty": true} in each line'
)


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """The outcome of one row; ``line`` counts from 1."""

    line: int
    outcome: str
    """added, changed, unchanged or rejected"""
    problem: str = ""
    """what is wrong with a rejected one, and what to do"""


@dataclass(slots=True)
class RowTally(ImportResult):
    """Counts the rows, and keeps the outcome of each until it is taken."""

    outcomes: list[RowOutcome] = field(default_factory=list)

    def count(self, line: int, outcome: str) -> None:
        """Count a row that was taken."""
        ImportResult.count(self, line, outcome)
        self.outcomes.append(RowOutcome(line, outcome))

    def reject(self, line: int, reason: str) -> None:
        """Count a row that was not."""
        self.rejected += 1
        self.outcomes.append(RowOutcome(line, "rejected", reason))

    def take(self) -> list[RowOutcome]:
        """The outcomes since the last time, in the order of the rows."""
        taken, self.outcomes = sorted(self.outcomes, key=lambda each: each.line), []
        return taken


async def import_rows(
    context: Context,
    rows: AsyncIterator[bytes],
    tally: RowTally,
    *,
    begins: str = "",
    check: Callable[[ImportRow], None] = lambda _: None,
    shared: str = "",
) -> AsyncIterator[list[RowOutcome]]:
    """Import rows, and yield the outcomes of each chunk. ``begins``: the beginning of the ids that may be
    named; ``check`` raises OperationError for a row that the caller may not send. ``shared``: the reason for
    evidence that several lines share; see ``importing.import_file``."""
    reader = RowReader(context, RequestEvidence("", "", 0.0, "", ""), wide=False)
    importing = Importing(secrets.token_hex(32), tally, begins=begins, texts=reader.texts)
    importing.shared_reason = reason_of(context, shared)
    importing.unread = await unread_of_profiles(context)
    reader.look_at_each()
    chunk: list[ImportRow] = []
    weight = number = 0
    free_until = 0.0
    async for text in rows:
        number += 1
        if number % TURN_ROWS == 0:
            await asyncio.sleep(0)
        try:
            row = reader.row(number, _fields(text))
            check(row)
            if shared and row.evidence is not None:  # none of them acts before another person has said so
                row = replace(row, shares=max(row.shares, 1))
        except OperationError as error:
            tally.reject(number, f"{error}; {error.remedy}" if error.remedy else str(error))
        else:
            chunk.append(row)
            weight += row.weight
        if weight >= CHUNK_CHANGES or len(chunk) + len(tally.outcomes) >= MOST_WAITING:
            if chunk:
                await asyncio.sleep(free_until - time.monotonic())
                await write_chunk(context, chunk, importing)
                free_until = time.monotonic() + BREATH
            chunk, weight = [], 0
            yield tally.take()
    if chunk:
        await write_chunk(context, chunk, importing)
    yield tally.take()


def _fields(text: bytes) -> Mapping[str, str | None]:
    """The row in the form of one of a CSV file. Raises OperationError."""
    if len(text) > LONGEST_ROW:
        message = f"the row is longer than {LONGEST_ROW} bytes"
        raise OperationError(message, "send less in one row")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        message = "the row is no JSON in UTF-8"
        raise OperationError(message, _FORM) from None
    if not isinstance(value, dict):
        message = "the row is no object"
        raise OperationError(message, _FORM)
    prefixes, evidence = value.get("prefixes") or [], value.get("evidence") or {}
    unknown = [*value.keys() - set(FIELDS)]
    accept = value.get(ACCEPT_EMPTY) or False
    forms = ((prefixes, list), (evidence, dict), (accept, bool))
    if unknown or not all(isinstance(each, form) for each, form in forms):
        message = "the row has other fields than it may"
        raise OperationError(message, _FORM)
    unknown = [*evidence.keys() - set(EVIDENCE)]
    texts = [value.get("id"), value.get("profile"), value.get("zone"), *prefixes, *evidence.values()]
    if unknown or not all(each is None or isinstance(each, str) for each in texts):
        message = "a field of the row is no text, or its evidence has others than it may"
        raise OperationError(message, f"evidence has {', '.join(EVIDENCE)}, each a text")
    found = {"subscriber": value.get("id") or "", "prefixes": " ".join(map(str, prefixes))}
    found[ACCEPT_EMPTY] = "yes" if accept else ""
    return found | _texts(value, ("profile", "zone")) | _texts(evidence, EVIDENCE)


def _texts(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str | None]:
    return {name: value.get(name) or "" for name in names}
