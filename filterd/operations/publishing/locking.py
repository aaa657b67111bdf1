"""The lock under which published lists are written: one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from filterd.disk.files import make_directory
from filterd.disk.locks import LockedError, locked
from filterd.operations.context import Context
from filterd.operations.errors import UnusableError

LOCK = "publish.lock"
LOCK_WAIT = 5.0


@asynccontextmanager
async def alone(context: Context) -> AsyncIterator[None]:
    """Keep other processes from publishing meanwhile. Raises UnusableError."""
    keys = context.settings.state_dir / "keys"
    try:
        await asyncio.to_thread(make_directory, keys)
        async with locked(keys / LOCK, LOCK_WAIT):
            yield
    except LockedError as error:
        message = "another process publishes lists"
        raise UnusableError(message, "wait a moment, and repeat it") from error
