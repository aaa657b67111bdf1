"""Requests that read the whole store: so many at a time, so that those for one line do not wait behind them.

The API and the desks of one process count together.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

BATCH = 1 << 16
"""bytes"""
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


async def batched(first: bytes, pieces: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a file behind its first one, in parts of about :data:`BATCH` bytes."""
    waiting = bytearray(first)
    async with aclosing(pieces):
        async for piece in pieces:
            waiting += piece
            if len(waiting) >= BATCH:
                yield bytes(waiting)
                waiting.clear()
    yield bytes(waiting)
