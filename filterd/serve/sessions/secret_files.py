"""The secret files of accounting clients: read at the start, and again when they change."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from filterd.operations.sessions.secrets import SecretFileError, read_secrets
from filterd.telemetry import log

AT_ONCE = 1000
"""files that one look asks the system about; more take their turns"""

Mark = tuple[int, int, int, int]


class SecretFiles:
    """The secrets by file. One that cannot be read any more keeps the secrets of before."""

    def __init__(self) -> None:
        self._secrets: dict[Path, tuple[bytes, ...]] = {}
        self._unreadable: dict[Path, str] = {}
        """file -> why it cannot be read"""
        self._marks: dict[Path, Mark | None] = {}
        """file -> what the system said of it before it was read; None: it is read once more, since a change
        of the same moment leaves no mark"""
        self._turn: list[Path] = []
        """the files whose turn is still to come"""

    def of(self, file: Path) -> tuple[bytes, ...]:
        """The secrets of a file, one or two; empty: none was ever read."""
        return self._secrets.get(file, ())

    def reasons(self) -> list[str]:
        """The reason of each file that cannot be read."""
        return list(self._unreadable.values())

    def read(self, files: Iterable[Path]) -> None:
        """Take these files in place of those of before, and read each of them."""
        wanted = dict.fromkeys(files)
        for known in (self._secrets, self._unreadable, self._marks):
            for gone in known.keys() - wanted.keys():
                known.pop(gone, None)
        for each in wanted:
            self._read(each)
            self._marks[each] = None
        self._turn = []

    def look(self) -> bool:
        """Read what has changed; true where a secret is another one now."""
        if not self._turn:
            self._turn = list(self._marks)
        some, self._turn = self._turn[:AT_ONCE], self._turn[AT_ONCE:]
        changed = False
        for each in dict.fromkeys((*some, *islice(self._unreadable, AT_ONCE))):
            mark = _mark(each)
            if each not in self._unreadable and mark is not None and mark == self._marks[each]:
                continue
            if self._read(each):
                changed = True
                log.get().info("the secret of an accounting client was taken anew", file=str(each))
                mark = None
            self._marks[each] = mark
        return changed

    def _read(self, file: Path) -> bool:
        """Read a file; true where it has other secrets than before."""
        try:
            found = read_secrets(file)
        except SecretFileError as error:
            if self._unreadable.get(file) != str(error):
                self._unreadable[file] = str(error)
                _tell(file, str(error), kept=file in self._secrets)
            return False
        self._unreadable.pop(file, None)
        before, self._secrets[file] = self._secrets.get(file), found
        return before != found


def _mark(file: Path) -> Mark | None:
    """A value that changes with the file; None: the system does not say."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _tell(file: Path, reason: str, *, kept: bool) -> None:
    event = "the secret of an accounting client cannot be read"
    what = "the one of before holds" if kept else "the packets of its clients are dropped"
    remedy = f"mend the file; {what} until then, and it is read again every second"
    log.get().error(event, file=str(file), reason=reason, remedy=remedy)
