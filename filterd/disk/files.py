"""Durable files: under a name stands either the whole old content or the whole new content, even after a
power cut.

New content is written into a *draft* beside the file. A write that fails removes its draft, which may hold
the room that the next write needs. A process that is killed leaves it: :func:`drop_drafts` removes those of a
directory, for whoever knows, by a lock, that nobody else writes there.

Files and directories are for their owner alone, whatever the umask is.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
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
    try:
        _write_draft(draft, chunks)
        draft.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """Write a file for whoever asked for it, with the rights that their umask gives; nothing may stand there.
    Raises ``OSError``; then nothing stands there that was not there before, and it can be repeated."""
    draft = path.with_name(f".{path.name}.new")
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    draft.unlink(missing_ok=True)
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _name_new(draft, path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def _name_new(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first
        path.touch(exist_ok=False)
        draft.rename(path)


def _write_draft(draft: Path, chunks: Iterable[Chunk]) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # a draft that was left behind may have another mode
        for chunk in chunks:
            view = memoryview(chunk).cast("B")
            for start in range(0, len(view), SYNC_STEP):
                written = file.write(view[start : start + SYNC_STEP])
                if written == SYNC_STEP:
                    file.flush()
                    os.fdatasync(descriptor)
        file.flush()
        os.fsync(file.fileno())


def drop_drafts(directory: Path, *patterns: str) -> None:
    """Remove the drafts that killed processes left in ``directory``: by default those of
    :func:`replace_file`. Only for who knows that nobody else writes there. What cannot be removed stays."""
    for pattern in patterns or (".*.new",):
        for path in directory.glob(pattern):
            with contextlib.suppress(OSError):
                path.unlink()


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
    """Make a directory for its owner alone, durably, where there is none, and close one that others may
    enter. Raises ``OSError``; one that is there is used as it is, also on a disk that takes nothing."""
    if path.is_dir():
        close_to_others(path)
        return
    for each in (*reversed(path.parents), path):
        if not each.exists():
            each.mkdir(exist_ok=True, mode=0o700)
            close_to_others(each)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    sync_directory(path.parent)


def close_to_others(path: Path) -> bool:
    """Take from others every right to a file or directory of ours; return whether they had any.

    Left alone: what belongs to somebody else, symbolic links, and directories that are shared by intention
    (sticky, like /tmp). Where the mode cannot be changed, it stays.
    """
    with contextlib.suppress(OSError):
        status = path.lstat()
        shared = stat.S_ISLNK(status.st_mode) or status.st_mode & stat.S_ISVTX
        if shared or status.st_uid != os.geteuid():
            return False
        wanted = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        if stat.S_IMODE(status.st_mode) & ~wanted or stat.S_IMODE(status.st_mode) & wanted != wanted:
            path.chmod(wanted)
            return bool(status.st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    return False


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
