"""What control does by itself now and then: keep the change log short."""

from __future__ import annotations

import asyncio

from filterd.operations.context import Context
from filterd.store import log
from filterd.store.engine import BREATH

KEEP_REVISIONS = 200_000
"""newest revisions that stay: a node that was away for less reads changes, one away for longer everything"""


async def prune_log(context: Context, keep: int = KEEP_REVISIONS) -> int:
    """Raise the log's floor in small steps, each with a breath after it; returns the floor.

    Nothing is lost: changes are what led to the state, and the state stays.
    """
    more = True
    while more:
        async with context.store.report() as connection:
            more = await log.prune(connection, keep)
        await asyncio.sleep(BREATH)
    async with context.store.read() as connection:
        return await log.floor(connection)
