"""The outcomes of an import's rows, kept in a file until its body has ended. Bad rows are short, and what is
wrong with them is long: so the file is bounded, and whoever sends nothing but bad rows is stopped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from filterd.operations.errors import OperationError
from filterd.operations.line_stream import RowOutcome
from filterd.web.api.streaming import line_of

MOST_REJECTED = 1_000
"""rejected rows that are told one by one, as of a file (``importing.KEPT_REJECTIONS``)"""
MOST_BYTES = 64_000_000
"""of the file: the outcomes of 1.6 million good rows"""
MOST_IN_A_ROW = 10_000
"""rejected rows without a good one between them"""


class KeptOutcomes:
    """Writes outcomes to a file; ``untold`` counts those that it does not."""

    def __init__(self, file: IO[bytes]) -> None:
        self.untold = 0
        self._file = file
        self._bytes = self._rejected = self._in_a_row = 0

    def keep(self, some: Iterable[RowOutcome]) -> None:
        """Keep the next outcomes, in the order of their rows."""
        for each in some:
            rejected = each.outcome == "rejected"
            self._in_a_row = self._in_a_row + 1 if rejected else 0
            self._rejected += rejected
            if (rejected and self._rejected > MOST_REJECTED) or self._bytes >= MOST_BYTES:
                self.untold += 1
            else:
                self._bytes += self._file.write(_line(each))

    def require_a_good_one(self) -> None:
        """Raise OperationError where too many rows in a row were rejected."""
        if self._in_a_row >= MOST_IN_A_ROW:
            message = f"{self._in_a_row} rows in a row were rejected, so the import was stopped"
            raise OperationError(message, "mend the rows and send them again; good ones stay")


def _line(each: RowOutcome) -> bytes:
    found = {"line": each.line, "outcome": each.outcome}
    return line_of(found | {"problem": each.problem} if each.problem else found)
