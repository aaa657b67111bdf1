"""Runs one use case for a command: loads the settings, opens the store, and turns refusals into failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filterd.cli.options import refused, settings_of

if TYPE_CHECKING:
    from filterd.operations.context import Context

T = TypeVar("T")


def perform(config: Path | None, use_case: Callable[[Context], Awaitable[T]]) -> T:
    """Run the use case and return its result. Raises Failure with the operation's message and remedy."""
    from filterd.operations.context import OperationError, open_context

    settings = settings_of(config)

    async def run() -> T:
        async with open_context(settings) as context:
            return await use_case(context)

    try:
        return asyncio.run(run())
    except OperationError as error:
        raise refused(config, str(error), error.remedy) from None
