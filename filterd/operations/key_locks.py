"""The locks of the keys that sign: one process at a time uses or changes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from filterd.disk.files import make_directory
from filterd.disk.locks import LockedError, locked
from filterd.operations.context import Context
from filterd.operations.errors import UnusableError

WAIT = 5.0
"""seconds for the process that has a lock"""


@asynccontextmanager
async def key_lock(context: Context, name: str, busy: str) -> AsyncIterator[None]:
    """Hold the lock ``name`` beside the keys; ``busy`` says what another process does that has it. Raises
    UnusableError."""
    directory = context.settings.state_dir / "keys"
    try:
        await asyncio.to_thread(make_directory, directory)
        async with locked(directory / name, WAIT):
            yield
    except LockedError as error:
        raise UnusableError(busy, "wait a moment, and repeat it") from error
    except OSError as error:
        message = f"the keys that sign cannot be read or made: {error.strerror}"
        raise UnusableError(message, "give state_dir/keys to the user that runs filterd") from error
