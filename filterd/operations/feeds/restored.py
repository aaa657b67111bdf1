"""The lists of a backup: put in place, and read anew from their sources."""

from __future__ import annotations

import asyncio
from pathlib import Path

from filterd.config.settings import Settings
from filterd.operations import snapshots
from filterd.operations.backup import copy_list, lists_of, read_manifest
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.feeds.lost import lost_feeds
from filterd.operations.feeds.rule_files import rule_file, writing
from filterd.operations.policies import policies


async def read_lists(context: Context) -> list[str]:
    """Read every list from its source into the copy: the backup's may be older than what is in force. Returns
    what a person must look at."""
    try:
        read = await updating.update(context, restoring=True)
    except (OperationError, OSError) as error:
        return [f"the lists were not read anew ({error}): they are those of the backup"]
    return [f"list {each.feed} is that of the backup: {each.problem}" for each in read if each.problem]


async def unknown_feeds(context: Context) -> list[str]:
    """A remark for each feed that the snapshot in force has and the restored store does not know: it was
    enabled, or lost its entry, after the backup."""
    meta = (await snapshots.basis_of(context)).meta
    try:
        documents = await asyncio.to_thread(policies, context)
    except OperationError:
        return []  # the remark on the lists says so
    lost = [] if not meta else await lost_feeds(context, documents, meta)
    return [
        f"the feed {each.id} is in force, and the backup does not know it: it stays in force, with the rules"
        f" that it has until it is read; to end it: filterd feed retire {each.id} --reason ..."
        for each in lost
    ]


def put_lists(settings: Settings, source: Path) -> None:
    """Copy the rule files of a backup below the state directory."""
    manifest = read_manifest(source)
    with writing(settings.state_dir):  # control, which starts meanwhile, removes the drafts of nobody
        for file, feed, version in lists_of(source, manifest):
            copy_list(file, rule_file(settings.state_dir, feed, version))
