"""Publishes again the lists that were published and changed since, or that an earlier key signed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.publishing import editions, publish, standing


@dataclass(frozen=True, slots=True)
class PublishedAgain:
    """The result of one look."""

    lists: tuple[str, ...]
    """that were published"""
    failures: tuple[tuple[str, str, str], ...]
    """list, reason and remedy of those that could not be"""


async def publish_again(context: Context) -> PublishedAgain:
    """Publish what is behind in ``publish.directory``: only lists that a person published there before. One
    that fails keeps no other from being published. Raises StoreError."""
    directory = context.settings.publish.directory
    done, failures = [], []
    if directory is not None:
        for each in await standing.behind(context):
            if await asyncio.to_thread(editions.led_to, directory, each):
                try:
                    await publish.publish(context, (each,))
                    done.append(each)
                except OperationError as error:
                    failures.append((each, str(error), error.remedy))
    return PublishedAgain(tuple(done), tuple(failures))
