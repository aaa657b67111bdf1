"""The lists of a backup: put in place, and read anew from their sources."""

from __future__ import annotations

from pathlib import Path

from filterd.config.settings import Settings
from filterd.operations.backup import copy_list, lists_of, read_manifest
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.feeds.rule_files import rule_file


async def read_lists(context: Context) -> list[str]:
    """Read every list from its source into the copy: the backup's may be older than what is in force. Returns
    what a person must look at."""
    try:
        read = await updating.update(context, restoring=True)
    except (OperationError, OSError) as error:
        return [f"the lists were not read anew ({error}): they are those of the backup"]
    return [f"list {each.feed} is that of the backup: {each.problem}" for each in read if each.problem]


def put_lists(settings: Settings, source: Path) -> None:
    """Copy the rule files of a backup below the state directory."""
    manifest = read_manifest(source)
    for file, feed, version in lists_of(source, manifest):
        copy_list(file, rule_file(settings.state_dir, feed, version))
