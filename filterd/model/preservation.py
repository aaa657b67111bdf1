"""Preservation holds: existing records that nothing deletes until a day, since a prosecutor demands it.

CNPP 303 lets a prosecutor demand that existing data be kept for ninety days at most. A hold makes no record
that was not there, and copies none: it stops deletions of what it names, until it ends by itself.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

DAY = 86_400
LONGEST_DAYS = 90
"""of one demand, its repetitions under the same document together (CNPP 303)"""
LONGEST = LONGEST_DAYS * DAY
MAX_LINES = 100
"""of one hold: each has a digest in the audit trail"""


@dataclass(frozen=True, slots=True)
class PreservationHold:
    """One hold as the store has it. ``number`` is the revision that made it. Times are Unix seconds."""

    number: int
    authority: str
    official: str
    document: str
    ground: str
    reason: str
    classes: tuple[str, ...]
    """of data, by their names in the retention table"""
    lines: tuple[int, ...]
    """numbers of the lines that it is limited to"""
    line_count: int
    """lines that it was made for; 0: every line, and what belongs to none"""
    made_by: str
    made_at: int
    until: int
    """exclusive"""
    ended_by: str = ""
    """who ended it before its time; empty where nobody did"""
    ended_at: int = 0
    end_reason: str = ""

    @property
    def reference(self) -> str:
        """The text by which people name it."""
        return f"H-{self.number}"

    @property
    def paper(self) -> tuple[str, str]:
        """Authority and document by which demands are compared: their letters and digits alone."""
        return "".join(_bare(self.authority)), "".join(_bare(self.document))

    @property
    def whole(self) -> bool:
        """True where it is not limited to lines."""
        return not self.line_count

    def holds(self, now: float) -> bool:
        """Return whether it is in force. One that would last longer than any may was altered, and is not."""
        return not self.ended_at and self.until - self.made_at <= LONGEST and now < self.until


def _bare(text: str) -> Iterator[str]:
    """Letters and digits without case, width and accents (NFKD takes together what NFKC does), and digits of
    other scripts as ours. Letters of other scripts that look alike stay different."""
    for each in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()):
        if each.isalnum():
            yield str(unicodedata.decimal(each, each))
