"""Publishes again the lists that were published and changed since, or that an earlier key signed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from filterd.operations.context import Context
from filterd.operations.publishing import editions, leftovers, publish, standing
from filterd.operations.publishing.withdrawing import REPORT
from filterd.operations.safe_texts import safe_text
from filterd.store.errors import StoreError


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
            if await asyncio.to_thread(_is_public, directory, each):
                try:
                    await publish.publish(context, (each,))
                    done.append(each)
                except StoreError:
                    raise
                except Exception as error:
                    failures.append((each, safe_text(error), getattr(error, "remedy", REPORT)))
    return PublishedAgain(tuple(done), tuple(failures))


def _is_public(directory: Path, identifier: str) -> bool:
    """True where the directory has an edition of a list, and not its withdrawal: of that a store that was put
    back knows nothing."""
    return editions.led_to(directory, identifier) > 0 and not leftovers.withdrawal(directory, identifier)
