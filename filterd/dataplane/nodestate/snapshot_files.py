"""Which snapshot is in force: the shelf of published files, and what the node remembers of its choice.

``snapshots/current`` holds the name of the file to use; files are never rewritten. The name of the one in
force is kept in the node's own state, so that a start with a damaged newer one goes on with the last good
one, and never with an older one than it had: what an older one lacks would pass unfiltered. Owned by the
node's thread.

While DNS is answered, a new one is opened step by step: the threads that answer may share this one's
processor, and half of it for as long as millions of names take to read and check would cost queries.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filterd.disk.files import replace_file
from filterd.policy import layout
from filterd.policy.layout import (
    SnapshotDamagedError,
    SnapshotError,
    SnapshotKeyError,
    SnapshotTruncatedError,
    SnapshotVersionError,
)
from filterd.policy.snapshot import Opening, Snapshot

_REASONS = (
    (SnapshotTruncatedError, "truncated"),
    (SnapshotDamagedError, "damaged"),
    (SnapshotKeyError, "wrong_key"),
    (SnapshotVersionError, "version"),
)


class RefusedError(Exception):
    """A snapshot must not be used; the text is the reason, one of a few words."""


@dataclass(slots=True)
class SnapshotFiles:
    """The snapshots of one node. ``refused`` counts by reason."""

    directory: Path
    memory: Path
    """the file in which the node keeps the name of the one in force"""
    key: bytes
    on_refusal: Callable[[str, str], None]
    """told the file name and the reason"""
    check: Callable[[Snapshot], None]
    """raises ``KeyError``, ``TypeError`` or ``ValueError`` for one whose meta makes no sense"""
    in_force: str = ""
    refused: dict[str, int] = field(default_factory=dict)
    _seen: tuple[int, int, int] | None = None
    _arriving: tuple[str, Iterator[Snapshot | None]] | None = None
    """the name of one that is being opened, and the steps that are left"""
    _kept: bool = True
    """whether ``memory`` has the name of the one in force"""

    @property
    def busy(self) -> bool:
        """Whether one is being opened: :meth:`poll` has more to do."""
        return self._arriving is not None

    def close(self) -> None:
        """Give up the one that is being opened."""
        self._arriving = None

    def at_start(self) -> Snapshot | None:
        """The snapshot to start with: the current one, else the one that was in force; None where neither
        can be used. Both are held against what was in force: an older one is refused."""
        remembered = _read_name(self.memory)
        self._seen = self._stamp()
        oldest = layout.revision_of(remembered)
        for name in dict.fromkeys((_read_name(self.directory / layout.CURRENT), remembered)):
            self._arriving = (name, self._open(name, oldest)) if name else None
            while self._arriving is not None:
                snapshot = self._step()
                if snapshot is not None:
                    return snapshot
        return None

    def poll(self, present: Snapshot | None) -> Snapshot | None:
        """Another snapshot to go over to, once one was published and found good, step by step."""
        if not self._kept:
            self._keep(self.in_force)
        if self._arriving is None:
            self._look(present)
        return self._step()

    def _look(self, present: Snapshot | None) -> None:
        """Begin to open the one that was published since the last look."""
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return
        self._seen = stamp
        name = _read_name(self.directory / layout.CURRENT)
        if name and name != self.in_force:
            oldest = (
                layout.revision_of(_read_name(self.memory)) if present is None else present.built_at_revision
            )
            self._arriving = (name, self._open(name, oldest))

    def _step(self) -> Snapshot | None:
        """Go on with the one that is being opened, if there is one; the snapshot when it can be used."""
        if self._arriving is None:
            return None
        name, steps = self._arriving
        self._arriving = None  # whatever a step raises, the next look begins anew
        try:
            snapshot = next(steps)
        except RefusedError as error:
            reason = str(error)
            self.refused[reason] = self.refused.get(reason, 0) + 1
            self.on_refusal(name, reason)
            return None
        if snapshot is None:
            self._arriving = (name, steps)
        else:
            self._keep(name)
        return snapshot

    def _open(self, name: str, oldest: int) -> Iterator[Snapshot | None]:
        """None for each step until the snapshot is there and checked. Raises RefusedError."""
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
        yield snapshot

    def _keep(self, name: str) -> None:
        """Remember it. Where the disk does not take that, it is used all the same: new lists that are not in
        force are worse than a start that could go back by one. :meth:`poll` tries again."""
        self.in_force = name
        self._kept = _read_name(self.memory) == name
        if not self._kept:
            with contextlib.suppress(OSError):
                replace_file(self.memory, (layout.pointer_to(name),))
                self._kept = True

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = (self.directory / layout.CURRENT).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _read_name(path: Path) -> str:
    """The file name in a pointer file; empty where there is none or it is no plain name."""
    try:
        return layout.named_in(path.read_bytes())
    except OSError:
        return ""
