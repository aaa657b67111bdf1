"""Shows the lists that were published as they stand: behind, withdrawn, or public though they must not be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from filterd.operations.context import Context
from filterd.operations.feeds import listing
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.publishing import key_files, manifests, openness, withdrawing
from filterd.operations.publishing.manifests import ManifestError
from filterd.operations.publishing.openness import ListOpenness
from filterd.store import publications as rows
from filterd.store.publications import PublishedEdition


@dataclass(frozen=True, slots=True)
class StandingPublication:
    """The newest edition of a list that was published. Of a list that is confidential by now, ``list`` is its
    label, and ``digest`` is empty."""

    list: str
    serial: int
    at: float
    digest: str
    manifest_digest: str
    behind: bool
    """it is not what is in force: another version is, or none that may be public; or another key signs"""
    withdrawn: bool
    barred: bool
    """it must not be public any more, and was not withdrawn"""


async def standing(context: Context) -> tuple[StandingPublication, ...]:
    """The newest edition of every list that was published."""
    async with context.store.read() as connection:
        known = await rows.newest_ones(connection)
        keys = await key_files.history(connection) if known else ()
    if not known:
        return ()
    key = keys[-1].public_key if keys else ""
    found = {each.feed.id: each for each in await listing.figures(context)}
    told = await openness.look(context)
    return tuple(_standing(each, found.get(each.list), told, key) for each in known.values())


def _standing(
    edition: PublishedEdition, status: FeedStatus | None, told: ListOpenness, key: str
) -> StandingPublication:
    barred = not edition.withdrawn and edition.list in told.closed
    secret = edition.list in told.confidential
    return StandingPublication(
        list=told.label(edition.list),
        serial=edition.serial,
        at=edition.at,
        digest="" if secret else edition.digest,
        manifest_digest=edition.manifest_digest,
        behind=not edition.withdrawn and (barred or _is_behind(edition, status, key)),
        withdrawn=edition.withdrawn,
        barred=barred,
    )


def _is_behind(edition: PublishedEdition, status: FeedStatus | None, key: str) -> bool:
    """True if another version is in force, or another key signs by now."""
    if status is None or status.version is None:
        return False
    try:
        signed_by = manifests.read(edition.manifest.encode()).body.get("public_key")
    except ManifestError:  # its row is damaged
        return True
    if key and signed_by != key:
        return True
    return status.version.digest != edition.digest


async def behind(context: Context) -> list[str]:
    """The lists that were published, and of which another version is in force since, or which another key
    signs."""
    return [each.list for each in await standing(context) if each.behind and not each.barred]


async def barred(context: Context) -> list[str]:
    """The lists that must not be public any more, by id or label: those whose withdrawal nobody recorded, and
    those of which ``publish.directory`` holds an edition. Raises OperationError, StoreError."""
    directory = context.settings.publish.directory
    there = (
        frozenset[str]() if directory is None else await asyncio.to_thread(withdrawing.lists_in, directory)
    )
    async with context.store.read() as connection:
        known = await rows.newest_ones(connection)
    there |= {each for each, edition in known.items() if not edition.withdrawn}
    if not there:
        return []
    told = await openness.look(context)
    return sorted(told.label(each) for each in there & told.closed)
