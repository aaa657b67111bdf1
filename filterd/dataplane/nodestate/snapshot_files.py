"""Chooses the snapshot to use from the published files, and remembers the choice.

``snapshots/current`` holds the name of the file to use; files are never rewritten. The node's own state
holds the name of the one in force. So a start with a damaged newer file goes on with the last good one, and
never with an older one: what an older snapshot lacks would pass unfiltered. Both names may have gone back in
time together, so the store's newest row decides, where it can be read: :meth:`SnapshotFiles.require`.

Both names have a checksum. One that is damaged is refused (``pointer``) and logged like a damaged file, and
the other one counts: control publishes another ``current``, and the node writes its own name anew. Owned by
the node's thread.

While DNS is answered, a new file is opened step by step. The threads that answer may share this thread's
processor; taking half of it for as long as millions of names take to read and check would cost queries.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError
from filterd.policy import snapshot_layout
from filterd.policy.snapshot import Opening, Snapshot
from filterd.policy.snapshot_layout import (
    HISTORY,
    SnapshotDamagedError,
    SnapshotError,
    SnapshotKeyError,
    SnapshotTruncatedError,
    SnapshotVersionError,
)

_REASONS = (
    (SnapshotTruncatedError, "truncated"),
    (SnapshotDamagedError, "damaged"),
    (SnapshotKeyError, "wrong_key"),
    (SnapshotVersionError, "version"),
)


REMEDIES = {
    "wrong_key": "put the key that it was made with back into keys/fingerprint.key in state_dir;"
    " if that one is lost, run: filterd snapshot build",
    "missing": "run: filterd snapshot build",
    "pointer": "look for a failing disk (dmesg); if no snapshot comes in force, run: filterd snapshot build",
    "truncated": "run: filterd snapshot build",
    "damaged": "run: filterd snapshot build",
    "meta": "run: filterd snapshot build, with this version of filterd",
    "version": "run: filterd snapshot build, with this version of filterd",
    "unreadable": "give snapshots in state_dir to the user of filterd; look for a failing disk (dmesg)",
    "history": "none: control compiles another; see which store is the right one with: filterd node resync",
    "older": "none if it was put back by mistake; else run: filterd snapshot build",
}
"""reason of a refusal -> what a person can do; the earlier snapshot stays in force meanwhile"""


class RefusedError(Exception):
    """A snapshot must not be used; the text is the reason, a fixed word."""


@dataclass(slots=True)
class SnapshotFiles:
    """The snapshots of one node. ``refused`` counts them by reason."""

    directory: Path
    choice_file: Path
    """the file in which the node keeps the name of the one in force"""
    key: bytes
    on_refusal: Callable[[str, str], None]
    """called with the file name and the reason"""
    check: Callable[[Snapshot], None]
    """raises ``KeyError``, ``TypeError`` or ``ValueError`` for a snapshot whose meta makes no sense"""
    belongs: Callable[[Snapshot], bool] = lambda _: True
    """false for a snapshot that was made of another history than the store has, which this node follows"""
    in_force: str = ""
    oldest: int = 0
    """the revision of the newest snapshot that the store knew at the start: older ones are refused"""
    refused: dict[str, int] = field(default_factory=dict)
    _seen_stamp: tuple[int, int, int] | None = None
    _opening: tuple[str, Iterator[Snapshot | None]] | None = None
    """the name of the file that is being opened, and the steps left"""
    _any_age: bool = False
    """true if the next one may be older: its revision is that of another history"""
    _kept: bool = True
    """true if ``choice_file`` has the name of the one in force"""
    confirmed: bool = False
    """true once it is known that the store has the history that this node follows: only then is a choice
    remembered"""

    @property
    def busy(self) -> bool:
        """True while a file is being opened: :meth:`poll` has more to do."""
        return self._opening is not None

    def accept_older(self) -> None:
        """Take the current file whatever its revision: revisions of two histories do not compare."""
        self._any_age, self._seen_stamp, self.oldest = True, None, 0

    def require(self, name: str, revision: int) -> Snapshot | None:
        """Refuse from now on what is older than the store's newest snapshot, and open the file of that one;
        None where it cannot be used."""
        self.oldest = revision
        return self._opened(name, revision) if snapshot_layout.is_file_name(name) else None

    def take_back(self) -> Snapshot | None:
        """Go back to the snapshot that was in force before the start, since the store has another history,
        and the current one was made of it. None where that is in force already, or cannot be used."""
        remembered = self._named(self.choice_file)
        self._opening, self._seen_stamp = None, None
        if self.confirmed or not remembered or remembered == self.in_force:
            return None
        return self._opened(remembered, 0)

    def close(self) -> None:
        """Stop opening a file."""
        self._opening = None

    def at_start(self) -> Snapshot | None:
        """The snapshot to start with: the current one, else the one that was in force; None where neither can
        be used. One that is older than the one that was in force is refused."""
        remembered = self._named(self.choice_file)
        self._seen_stamp = self._stamp()
        oldest = snapshot_layout.revision_of(remembered)
        for name in dict.fromkeys((self._named(self.directory / snapshot_layout.CURRENT), remembered)):
            snapshot = self._opened(name, oldest) if name else None
            if snapshot is not None:
                return snapshot
        return None

    def _opened(self, name: str, oldest: int) -> Snapshot | None:
        """The snapshot in a file, opened in one go; None where it is refused."""
        self._opening = (name, self._open(name, oldest))
        while self._opening is not None:
            snapshot = self._step()
            if snapshot is not None:
                return snapshot
        return None

    def poll(self, present: Snapshot | None) -> Snapshot | None:
        """Do one step towards a newly published snapshot; returns it once it is found good."""
        if not self._kept:
            self._keep(self.in_force)
        if self._opening is None:
            self._look(present)
        return self._step()

    def _look(self, present: Snapshot | None) -> None:
        """Begin to open a file that was published since the last look."""
        stamp = self._stamp()
        if stamp is None or stamp == self._seen_stamp:
            return
        self._seen_stamp = stamp
        name = self._named(self.directory / snapshot_layout.CURRENT)
        if name and name != self.in_force:
            oldest = (
                snapshot_layout.revision_of(self._named(self.choice_file))
                if present is None
                else present.built_at_revision
            )
            self._opening = (name, self._open(name, 0 if self._any_age else max(oldest, self.oldest)))

    def _step(self) -> Snapshot | None:
        """Do one step of opening a file, if one is being opened; returns the snapshot when it can be used."""
        if self._opening is None:
            return None
        name, steps = self._opening
        self._opening = None  # whatever a step raises, the next look begins anew
        try:
            snapshot = next(steps)
        except RefusedError as error:
            self._refuse(name, str(error))
            return None
        if snapshot is None:
            self._opening = (name, steps)
        else:
            self._any_age = False
            self._keep(name)
        return snapshot

    def _open(self, name: str, oldest: int) -> Iterator[Snapshot | None]:
        """Yields None for each step, and at last the checked snapshot. Raises RefusedError."""
        try:
            with (self.directory / name).open("rb", buffering=0) as file:
                opening = Opening(file, os.fstat(file.fileno()).st_size, self.key)
                while (snapshot := opening.step()) is None:
                    yield None
            self.check(snapshot)
        except SnapshotError as error:
            reason = next((word for kind, word in _REASONS if isinstance(error, kind)), "damaged")
            raise RefusedError(reason) from error
        except (OSError, MemoryError) as error:
            reason = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
            raise RefusedError(reason) from error
        except (KeyError, TypeError, ValueError) as error:
            reason = "meta"
            raise RefusedError(reason) from error
        if snapshot.built_at_revision < oldest:
            reason = "older"
            raise RefusedError(reason)
        if self.confirmed and not self.belongs(snapshot):
            raise RefusedError(HISTORY)
        yield snapshot

    def _named(self, path: Path) -> str:
        """The file name in a pointer file; a damaged one is counted and said, and is as good as none."""
        try:
            return _read_name(path)
        except DamagedFileError:
            self._refuse(path.name, "pointer")
            return ""

    def _refuse(self, name: str, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        self.on_refusal(name, reason)

    def _keep(self, name: str) -> None:
        """Remember it. Where the disk does not take that, it is used all the same: new lists that are not in
        force are worse than a start that could go back by one. :meth:`poll` tries again."""
        self.in_force = name
        try:
            remembered = _read_name(self.choice_file)
        except DamagedFileError:
            remembered = ""
        self._kept = remembered == name
        if not self._kept and (self.confirmed or not remembered):
            with contextlib.suppress(OSError):
                checked_file.write(self.choice_file, snapshot_layout.pointer_to(name))
                self._kept = True

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = (self.directory / snapshot_layout.CURRENT).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _read_name(path: Path) -> str:
    """The file name in a pointer file; empty where there is none or it is no plain name. Raises
    DamagedFileError."""
    try:
        return snapshot_layout.named_in(checked_file.read(path, snapshot_layout.OLD_POINTER))
    except OSError:
        return ""
