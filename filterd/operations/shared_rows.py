"""Finds the rows of an import that have no evidence of their own, before any of them is imported.

Evidence is a row's own if no other row has its reference, and none has both its person and the minute of its
time: numbering one memo ("memo 1", "memo 2") makes no two requests of it.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from itertools import groupby

from filterd.operations.fresh_evidence import same

Parts = tuple[str, str, float]
"""reference, person, and time (Unix seconds) of a row's evidence"""


class SharedRows:
    """The evidence that more than one row has. Of each row there are 16 bytes while it is looked for."""

    def __init__(self, rows: Iterable[Parts] = ()) -> None:
        marks = array("q", (mark for row in rows for mark in _marks(row)))
        counts = ((mark, sum(1 for _ in same)) for mark, same in groupby(sorted(marks)))
        self._counts = {mark: count for mark, count in counts if count > 1}

    def count(self, row: Parts) -> int:
        """The number of rows that share evidence with this one, itself included; 0: it is its own."""
        return max(self._counts.get(mark, 0) for mark in _marks(row))


class SeenRows:
    """The same for rows that come one after the other and cannot be looked through before: the first of those
    that share evidence passes. Of each row 16 bytes are kept."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def count(self, row: Parts) -> int:
        """The number of rows so far, at least, that share evidence with this one, itself included; 0: it is
        its own."""
        marks = set(_marks(row))
        shares = not self._seen.isdisjoint(marks)
        self._seen |= marks
        return 2 if shares else 0


def _marks(row: Parts) -> Iterator[int]:
    reference, who, at = row
    yield _mark("reference", reference)
    yield _mark(f"person {int(at // 60)}", who)


def _mark(kind: str, text: str) -> int:
    plain = same(text)
    digest = hashlib.blake2b(f"{kind}\0{plain}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
