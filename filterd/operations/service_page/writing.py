"""Writes the files of the pages into a directory that a provider puts on a web server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from filterd.disk.files import sync_directory
from filterd.operations.context import OperationError


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files below a directory, each replaced at once, and wait until they are on the disk; what
    else is there stays. Raises OperationError where that cannot be done."""
    folders = set()
    try:
        for path, body in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.new")
            with draft.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            draft.chmod(0o644)
            draft.replace(target)
            folders.add(target.parent)
        for each in folders:
            sync_directory(each)
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror}"
        raise OperationError(message, "name a directory that you may write, with room left") from None
