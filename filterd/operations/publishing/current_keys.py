"""The key that signs lists, with all that the trail tells of those before it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from filterd.operations.context import Context
from filterd.operations.publishing import key_files
from filterd.operations.publishing.key_files import PublishedKey
from filterd.operations.publishing.publisher import ListSigner, publisher
from filterd.operations.trail import announcing, checkpoints
from filterd.store import checkpoints as checkpoint_rows


@dataclass(frozen=True, slots=True)
class ListKeys:
    """The keys of published lists."""

    signs: ListSigner
    installation: str
    known: tuple[PublishedKey, ...]
    """all that the trail tells of, oldest first"""

    @property
    def public_keys(self) -> tuple[str, ...]:
        """Of every key that signs or signed."""
        return tuple(dict.fromkeys((self.signs.public_key, *(each.public_key for each in self.known))))

    def write(self, directory: Path) -> None:
        """Write the public keys beside the lists. Raises ``OSError``."""
        key_files.write(directory, self.signs, self.installation, self.known)


async def current_keys(context: Context) -> ListKeys:
    """The key that signs, announced in the trail, and those before it. A rotation that was cut off is
    completed first. Only within :func:`publisher.alone`. Raises OperationError."""
    async with context.store.read() as connection:
        first = not await key_files.history(connection)
    signs = await asyncio.to_thread(publisher, context.settings, first=first)
    installation = await installation_id(context)
    async with context.store.read() as connection:
        known = await key_files.history(connection)
    if known and known[-1].public_key != signs.public_key:
        await checkpoints.make(context)
        signs = await asyncio.to_thread(publisher, context.settings, first=False)
    return ListKeys(signs, installation, known)


async def installation_id(context: Context) -> str:
    """The random id of this installation, which its first signing key gives it."""
    async with announcing.alone(context):
        await announcing.settle(context)
    async with context.store.read() as connection:
        return await checkpoint_rows.installation_id(connection)
