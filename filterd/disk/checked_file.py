"""Small files of state with a checksum: a line with version, length and SHA-256, then the content.

::

    filterd-file 1 65 8c1f…(64 hexadecimal digits)\\n
    <65 bytes>

A file without that line was written by a version before this form. Each reader says by ``old`` what such a
file may look like, and none of these forms could begin like this line: so one of the new form whose first
line was damaged, cut or overwritten is damaged, and is never read as an old one. An old file gets the new
form when it is written next. Versions before this form do not read it.

Files that change in place, or that are appended to, have checksums of their own (:mod:`filterd.disk.journal`,
``store.ledger``).
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from filterd.disk.files import replace_file

MAGIC = b"filterd-file "
VERSION = 1
LARGEST = 16 << 20
"""bytes; none of these files comes near it"""
_HEAD = re.compile(rb"filterd-file ([0-9]{1,4}) ([0-9]{1,12}) ([0-9a-f]{64})\n")


class DamagedFileError(ValueError):
    """A small file of state is not as it was written. The message names the file and nothing of its
    content."""


def checked(content: bytes) -> bytes:
    """The bytes of a file with this content."""
    head = b"%s%d %d %s\n" % (MAGIC, VERSION, len(content), hashlib.sha256(content).hexdigest().encode())
    return head + content


def content_of(data: bytes, path: Path, old: re.Pattern[bytes] | None = None) -> bytes:
    """The content of a file with these bytes. ``old``: matches the whole of a file without a first line, as a
    version before wrote it; None: there is no such file. Raises DamagedFileError."""
    if not data.startswith(MAGIC):
        if old is not None and old.fullmatch(data):
            return data
        raise _damaged(path, "does not begin as it has to")
    head = _HEAD.match(data)
    if head is None:
        raise _damaged(path, "has an altered first line")
    version, length, digest = head.groups()
    if int(version) != VERSION:
        raise _damaged(path, f"is of version {int(version)}, and this filterd reads version {VERSION}")
    content = data[head.end() :]
    if len(content) != int(length):
        raise _damaged(path, f"has {len(content)} bytes behind its first line, which says {int(length)}")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise _damaged(path, "does not match its checksum")
    return content


def write(path: Path, content: bytes) -> None:
    """Write ``content`` as the new content of ``path``, durably. Raises ``OSError``; the old one then still
    stands."""
    replace_file(path, (checked(content),))


def read(path: Path, old: re.Pattern[bytes] | None = None) -> bytes:
    """The content of ``path``; ``old`` as for :func:`content_of`. Raises ``OSError`` and DamagedFileError,
    also for a longer file than any of these, and for a pipe, whose reader might wait for ever."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _damaged(path, "is no regular file")
        if status.st_size > LARGEST:
            raise _damaged(path, f"has {status.st_size} bytes, and {LARGEST} are the most")
        return content_of(file.read(LARGEST + 1), path, old)


def _damaged(path: Path, why: str) -> DamagedFileError:
    return DamagedFileError(f"{path} {why}")
