"""Which snapshot is in force: the shelf of published files, and what the node remembers of its choice.

``snapshots/current`` holds the name of the file to use; files are never rewritten. The name of the one in
force is kept in the node's own state, so that a start with a damaged newer one goes on with the last good
one, and never with an older one than it had: what an older one lacks would pass unfiltered. Owned by the
node's thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from filterd.dataplane.nodestate.files import replace_file
from filterd.policy.layout import (
    SnapshotDamagedError,
    SnapshotError,
    SnapshotKeyError,
    SnapshotTruncatedError,
    SnapshotVersionError,
)
from filterd.policy.snapshot import Snapshot

_REASONS = (
    (SnapshotTruncatedError, "truncated"),
    (SnapshotDamagedError, "damaged"),
    (SnapshotKeyError, "wrong_key"),
    (SnapshotVersionError, "version"),
)


class RefusedError(Exception):
    """A snapshot must not be used; the text is the reason, one of a few words."""


@dataclass(slots=True)
class Shelf:
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
    _kept: bool = True
    """whether ``memory`` has the name of the one in force"""

    def at_start(self) -> Snapshot | None:
        """The snapshot to start with: the current one, else the one that was in force; None where neither
        can be used. Both are held against what was in force: an older one is refused."""
        remembered = _read_name(self.memory)
        self._seen = self._stamp()
        oldest = _revision_of(remembered)
        for name in dict.fromkeys((_read_name(self.directory / "current"), remembered)):
            snapshot = self._try(name, oldest) if name else None
            if snapshot is not None:
                self._keep(name)
                return snapshot
        return None

    def poll(self, present: Snapshot | None) -> Snapshot | None:
        """Another snapshot to go over to, if one was published since the last call and can be used."""
        if not self._kept:
            self._keep(self.in_force)
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return None
        self._seen = stamp
        name = _read_name(self.directory / "current")
        if not name or name == self.in_force:
            return None
        oldest = _revision_of(_read_name(self.memory)) if present is None else present.built_at_revision
        snapshot = self._try(name, oldest)
        if snapshot is not None:
            self._keep(name)
        return snapshot

    def _try(self, name: str, oldest: int) -> Snapshot | None:
        try:
            return self._open(name, oldest)
        except RefusedError as error:
            reason = str(error)
            self.refused[reason] = self.refused.get(reason, 0) + 1
            self.on_refusal(name, reason)
            return None

    def _open(self, name: str, oldest: int) -> Snapshot:
        try:
            snapshot = Snapshot.open(self.directory / name, self.key)
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
        return snapshot

    def _keep(self, name: str) -> None:
        """Remember it. Where the disk does not take that, it is used all the same: new lists that are not in
        force are worse than a start that could go back by one. :meth:`poll` tries again."""
        self.in_force = name
        self._kept = _read_name(self.memory) == name
        if not self._kept:
            with contextlib.suppress(OSError):
                replace_file(self.memory, (name.encode() + b"\n",))
                self._kept = True

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = (self.directory / "current").stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _read_name(path: Path) -> str:
    """The file name in a pointer file; empty where there is none or it is no plain name."""
    try:
        name = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return name if name and Path(name).name == name and not name.startswith(".") else ""


def _revision_of(name: str) -> int:
    """The revision in ``<revision>-<digest>.snapshot``; 0 where there is none."""
    head = name.partition("-")[0]
    return int(head) if head.isdecimal() else 0
