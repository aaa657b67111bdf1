"""Requests to look at a site again that wait for longer than the provider promised."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.errors import OperationError
from filterd.operations.reviews import figures
from filterd.operations.reviews.asking import MOST_OPEN
from filterd.store import reviews as rows
from filterd.store.errors import StoreError


def check(case: Case) -> Iterator[Finding]:
    """Look at what is overdue, and how much waits. What keeps the store from being read, ``store`` says."""
    try:
        counts, waiting = asyncio.run(_read(case))
    except (StoreError, OperationError, OSError):
        return
    if counts["overdue"]:
        yield found("reviews.overdue", count=counts["overdue"])
    if waiting >= MOST_OPEN:
        yield found("reviews.full", count=waiting)


async def _read(case: Case) -> tuple[dict[str, int], int]:
    async with reading.opened(case) as context:
        async with context.store.read() as connection:
            waiting = await rows.open_requests(connection)
        return await figures.count(context), waiting
