"""A process that writes to a store: ``python -m tests.concurrency.writer URL ACTOR COUNT``.

Prints the number of each write once it is acknowledged.
"""

from __future__ import annotations

import asyncio
import sys
import time

from filterd.model.changelog import LineChange
from filterd.model.line import LineChoices
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside


async def write_many(url: str, actor: str, count: int) -> None:
    """Write one change and one audit entry at a time."""
    store = await Store.open(url, ledger_beside(url))
    for number in range(count):
        async with store.write(actor, time.time()) as write:
            write.change(LineChange(LineChoices(write.revision + 1)))
            write.audit("test.write", f"{actor}:{number}")
        sys.stdout.write(f"{number}\n")
    await store.close()


if __name__ == "__main__":
    asyncio.run(write_many(sys.argv[1], sys.argv[2], int(sys.argv[3])))
