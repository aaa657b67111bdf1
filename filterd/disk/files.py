"""Durable files: under a name stands either the whole old content or the whole new content, even after a
power cut."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

Chunk = bytes | bytearray | memoryview

SYNC_STEP = 8 * 1024 * 1024
"""bytes after which a long file is brought to the disk while it is being written, so that no other sync has
to wait for more than that"""


def replace_file(path: Path, chunks: Iterable[Chunk]) -> None:
    """Write ``chunks`` as the new content of ``path`` (mode 0600). Raises ``OSError``; the old content then
    still stands."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            view = memoryview(chunk).cast("B")
            for start in range(0, len(view), SYNC_STEP):
                written = file.write(view[start : start + SYNC_STEP])
                if written == SYNC_STEP:
                    file.flush()
                    os.fdatasync(descriptor)
        file.flush()
        os.fsync(file.fileno())
    rename_file(draft, path)


def rename_file(draft: Path, path: Path) -> None:
    """Give a synced file its name, durably. Both are in one directory. Raises ``OSError``."""
    draft.rename(path)
    sync_directory(path.parent)


def set_aside(path: Path) -> None:
    """Rename a directory that stands where a file belongs to NAME.damaged-N: no file can replace it. Raises
    ``OSError``."""
    if path.is_dir() and not path.is_symlink():
        free = (path.with_name(f"{path.name}.damaged-{number}") for number in itertools.count(1))
        rename_file(path, next(each for each in free if not each.exists()))


def make_directory(path: Path) -> None:
    """Make a directory for its owner alone, durably, where there is none. Raises ``OSError``; one that is
    there is used as it is, also on a disk that takes nothing."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make renames and new names in ``directory`` durable. Raises ``OSError``."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_at(descriptor: int, offset: int, length: int) -> bytes:
    """Exactly ``length`` bytes of an open file. Raises ``OSError`` where the file ends before."""
    data = b""
    while len(data) < length:
        piece = os.pread(descriptor, length - len(data), offset + len(data))
        if not piece:
            msg = "the file has lost its end"
            raise OSError(msg)
        data += piece
    return data


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` into an open file and sync it. Raises ``OSError``: some of it may then stand."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
    os.fdatasync(descriptor)
