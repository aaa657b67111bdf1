"""Requests that read the whole store: so many at a time, so that those for one line do not wait behind them.

The API and the desks of one process count together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MOST_WHOLE_READS = 2
"""at one time"""


class TooManyReadsError(Exception):
    """So many are at work already."""


@dataclass(slots=True)
class WholeReads:
    """The number of those at work."""

    at_work: int = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one while it lasts. Raises TooManyReadsError for one beyond the limit."""
        if self.at_work >= MOST_WHOLE_READS:
            raise TooManyReadsError
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1
