"""Durable files: a name is either the whole old content or the whole new content, also after a power
cut."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Chunk = bytes | bytearray | memoryview


def sync_directory(directory: Path) -> None:
    """Make renames and new names in ``directory`` durable. Raises ``OSError``."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


STRIDE = 8 * 1024 * 1024
"""bytes after which a long file is brought to the disk while it is written: what others sync in the meantime
then waits for no more than that"""


def replace_file(path: Path, chunks: Iterable[Chunk]) -> None:
    """Write ``chunks`` as the new content of ``path`` (mode 0600): temporary name, fsync, rename, fsync of
    the directory. Raises ``OSError``; the old content then still stands."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            view = memoryview(chunk).cast("B")
            for start in range(0, len(view), STRIDE):
                written = file.write(view[start : start + STRIDE])
                if written == STRIDE:
                    file.flush()
                    os.fdatasync(descriptor)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_directory(path.parent)
