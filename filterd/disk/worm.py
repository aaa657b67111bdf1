"""Texts kept in places that take new bytes and give none back: a file that grows, a directory of new files.

Nothing that stands there is changed. A line that a full disk or a kill cut short stays, ended by a newline,
and the whole line follows it; a file that was cut short stays, and the whole one stands beside it.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from filterd.disk.files import sync_directory

TAIL = 1 << 16
NAMES = 100
"""the most files that hold one text in a directory, cut ones among them"""


def append_line(path: Path, text: str) -> None:
    """Append a line, durably, unless it is the last one already. Raises ``OSError``."""
    line, new = text.encode(), not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        tail = _tail(descriptor)
        if tail.split(b"\n")[-2:] == [line, b""]:
            os.fsync(descriptor)
            return
        torn = bool(tail) and not tail.endswith(b"\n")
        _write(descriptor, b"\n" * torn + line + b"\n")
        os.fsync(descriptor)
        if not _tail(descriptor).endswith(line + b"\n"):
            raise OSError(errno.EIO, "what was written cannot be read back", str(path))
    finally:
        os.close(descriptor)
    if new:
        sync_directory(path.parent)


def has_line(path: Path, text: str) -> bool:
    """True if a line of the file is this text. Raises ``OSError``."""
    wanted = text.encode() + b"\n"
    with path.open("rb") as file:
        return any(line == wanted for line in file)


def add_file(directory: Path, name: str, text: str) -> Path:
    """Write a text, durably, as a new file of the directory, and return its path; one that holds it already
    stays as it is. ``name`` ends in a suffix. Raises ``OSError``."""
    content = text.encode()
    for path in _places(directory, name):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            if path.read_bytes() == content:
                return path
            continue
        try:
            _write(descriptor, content)
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()  # where the place lets nothing go, the next attempt takes another name
            raise
        finally:
            os.close(descriptor)
        sync_directory(directory)
        return path
    raise OSError(errno.EEXIST, "the place of this file is taken by others", str(directory / name))


def has_file(directory: Path, name: str, text: str) -> bool:
    """True if :func:`add_file` has written the text. Raises ``OSError``."""
    for path in _places(directory, name):
        try:
            if path.read_bytes() == text.encode():
                return True
        except FileNotFoundError:
            return False
    return False


def _places(directory: Path, name: str) -> Iterator[Path]:
    """The paths that a text may stand at, in the order in which they are tried."""
    whole = directory / name
    yield whole
    for number in range(2, NAMES + 1):
        yield whole.with_name(f"{whole.stem}-{number}{whole.suffix}")


def _tail(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, min(size, TAIL), max(0, size - TAIL))


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
