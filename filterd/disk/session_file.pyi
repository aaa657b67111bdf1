"""The file of sessions, as the resolver reads it when control is not there."""

from pathlib import Path
from typing import NamedTuple

from filterd.disk.boot import BootTime

class FileEntries(NamedTuple):
    """The sessions in a file."""

    runs: list[bytes]
    """entries of ``wire.session_stream``, at most 1,024 in each"""
    lacking: str
    """why sessions may be missing; empty: they are all there"""
    dropped: int = 0
    """records that were left out because they are damaged, or of a time that has not come"""

def read_entries(
    path: Path, now: float, *, boot: BootTime | None = None, note: Path | None = None
) -> FileEntries:
    """The live sessions of registered subscribers.

    ``now`` is in Unix seconds. With ``boot`` a file of the same boot is read by the clock that control had,
    up to a minute from ``now``: one that is further away is not believed. In another boot ``now`` holds,
    unless control has already seen later times. A file without a clock of control is not believed: control
    was killed while it wrote it. ``note`` names the epoch that the file must have. Where time
    or epoch cannot be, there are no entries. Control may be writing: what is half written is left out. Raises
    OSError where the file cannot be read, and ValueError where its head is damaged or of another version.
    """
