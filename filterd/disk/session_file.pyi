"""The file of sessions, as the resolver reads it when control is not there."""

from pathlib import Path

def read_entries(path: Path, now: float) -> list[bytes]:
    """The live sessions of registered subscribers as runs of entries of ``wire.session_stream``, at most
    1,024 in each.

    ``now`` is in Unix seconds. Control may be writing: what is half written is left out. Raises OSError where
    the file cannot be read, and ValueError where its head is not that of a file of sessions.
    """
