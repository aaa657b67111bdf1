"""The epoch of the file of sessions: a random number in its head, and in a note beside its directory.

Control writes a new one at its start, each hour, and at an orderly end. A copy of the file that was made in
an earlier epoch and put back has a number that the note no longer names. The note has the next epoch beside
the present one while the head is changed, so a kill or a power cut in between is no alarm.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from filterd.disk import checked_file

_SIZE = 16
"""hexadecimal digits of an epoch; each stands in a line of its own"""
_OLD = re.compile(rb"(?:[0-9a-f]{16}\n){1,2}")
"""the note of a version before, without a checksum"""


def read_epochs(note: Path) -> tuple[int, ...]:
    """The epochs that a file of sessions may have; none where the note is gone or damaged."""
    try:
        return tuple(int(line, 16) for line in checked_file.read(note, _OLD).split())
    except (OSError, ValueError):
        return ()


def change_epoch(note: Path, present: int, write: Callable[[int], None]) -> None:
    """Begin a new epoch. ``write`` brings its number durably into the head, which has ``present``. Raises
    ``OSError``; note and head then still agree."""
    fresh = int.from_bytes(os.urandom(_SIZE // 2), "little") | 1
    _write(note, present, fresh)
    write(fresh)
    _write(note, fresh)


def _write(note: Path, *epochs: int) -> None:
    checked_file.write(note, b"".join(b"%016x\n" % epoch for epoch in epochs))
