"""The snapshot that a process which stays keeps open for the checks that it answers.

To open one is to read and hash the whole file, 16 MB for each million names: done for each check, it held up
every other request of the process, and checks at the same time had a copy each.
"""

from __future__ import annotations

from pathlib import Path

from filterd.policy.snapshot import Snapshot


class KeptSnapshot:
    """Opens the newest snapshot once; its file is never rewritten. Owned by one event loop."""

    def __init__(self) -> None:
        self._found: Snapshot | None = None
        self._opened: tuple[object, ...] = ()
        """the file and the key that ``_found`` was opened with"""

    def __call__(self, path: Path, key: bytes) -> Snapshot:
        """The snapshot in this file. Raises what ``Snapshot.open`` does."""
        state = path.stat()
        wanted = (path, key, state.st_ino, state.st_size, state.st_mtime_ns)
        if self._found is None or self._opened != wanted:
            self._found = None  # before the next one: the memory is not needed twice
            self._found, self._opened = Snapshot.open(path, key), wanted
        return self._found
