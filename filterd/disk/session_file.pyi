"""The file of sessions, as the resolver reads it when control is not there."""

from pathlib import Path
from typing import NamedTuple

class FileEntries(NamedTuple):
    """The sessions in a file."""

    runs: list[bytes]
    """entries of ``wire.session_stream``, at most 1,024 in each"""
    lacking: str
    """why sessions may be missing; empty: they are all there"""

def read_entries(path: Path, now: float) -> FileEntries:
    """The live sessions of registered subscribers.

    ``now`` is in Unix seconds. Control may be writing: what is half written is left out. Raises OSError where
    the file cannot be read, and ValueError where its head is not that of a file of sessions.
    """
