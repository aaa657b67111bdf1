"""Writes the files of the pages into a directory that a provider puts on a web server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from filterd.operations.context import OperationError


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files below a directory, each replaced at once; what else is there stays. Raises
    OperationError where that cannot be done."""
    try:
        for path, body in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.new")
            draft.write_bytes(body)
            draft.chmod(0o644)
            draft.replace(target)
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror}"
        raise OperationError(message, "name a directory that you may write, with room left") from None
