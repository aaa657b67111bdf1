"""Lease files in control: each is watched by a thread, which puts leases into the table of sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from filterd.accounting.leases.watched import Claim, LeaseFileState, WatchedFile
from filterd.accounting.leases.watcher import LeaseWatcher
from filterd.accounting.sessions import Sessions
from filterd.config.settings import LeasesSettings
from filterd.model.session import SessionSource
from filterd.telemetry import log
from filterd.wire.session_stream import ENTRY_SIZE, EntryTable, SessionEntry

_PART = 1024
"""entries that are asked of the table at once"""


class LeaseFiles:
    """Owned by the event loop. A file that cannot be read never stops control; it is tried again."""

    def __init__(self, table: Sessions, key: bytes, clock: Callable[[], float]) -> None:
        """``key``: the installation's fingerprint key; ``clock``: Unix seconds."""
        self._sink = _TableSink(table)
        self._key = key
        self._clock = clock
        self._settings: tuple[LeasesSettings, ...] = ()
        self._watcher: LeaseWatcher | None = None
        self._ending: list[LeaseWatcher] = []
        """of settings before; their threads may be at their last look"""

    def configure(self, settings: tuple[LeasesSettings, ...]) -> None:
        """Watch these files from now on. Sessions of a file that is no longer watched keep their ends."""
        if settings == self._settings:
            return
        self._settings = settings
        self._end()
        if settings:
            files = [
                WatchedFile(each.format, each.file, each.line, tuple(each.normalize)) for each in settings
            ]
            self._watcher = LeaseWatcher(files, self._sink, _Log(), self._key, self._clock)
            self._watcher.start()

    def states(self) -> list[LeaseFileState]:
        """Each file as it was at its last look."""
        return [] if self._watcher is None else self._watcher.states()

    def remarks(self) -> list[str]:
        """What is wrong, for the readiness page."""
        return [f"a lease file cannot be read: {each.path}" for each in self.states() if not each.readable]

    def close(self) -> None:
        """End the threads; waits for their last look."""
        self._end()
        for each in self._ending:
            each.join()
        self._ending.clear()

    def _end(self) -> None:
        if self._watcher is not None:
            self._watcher.end()
            self._ending.append(self._watcher)
            self._watcher = None


class _TableSink:
    """The table of sessions as the receiver of leases; called from the watcher's thread."""

    def __init__(self, table: Sessions) -> None:
        self._table = table

    def put(
        self,
        claims: Sequence[Claim],
        *,
        subscriber: bytes,
        session: bytes,
        nas: bytes,
        source: int,
        stamp: float,
        lasts: int,
        kind: int,
    ) -> None:
        """Give it one event."""
        self._table.put(
            claims,
            subscriber=subscriber,
            session=session,
            nas=nas,
            source=source,
            stamp=stamp,
            lasts=lasts,
            kind=kind,
        )

    def held(self) -> Iterable[tuple[bytes, int]]:
        """Address and prefix length of each session that came by a lease and is a registered subscriber's."""
        cursor = -1
        while cursor != 0:
            cursor, part = self._table.full(max(cursor, 0), _PART)
            for at in range(0, len(part), ENTRY_SIZE):
                entry = SessionEntry.from_bytes(part[at : at + ENTRY_SIZE])
                if entry.source == SessionSource.LEASE and entry.table == EntryTable.ADDRESSES:
                    yield entry.address, entry.length


class _Log:
    """Tells the log what an operator should know."""

    def unreadable(self, file: Path, reason: str) -> None:
        """A file cannot be read."""
        event = "a lease file cannot be read, and its leases keep their ends"
        remedy = (
            "name the server's file in accounting.leases and let the user filterd read it, with its folders"
        )
        log.get().error(event, file=str(file), reason=reason, remedy=remedy)

    def readable(self, file: Path) -> None:
        """It can be read again."""
        log.get().info("a lease file can be read again", file=str(file))

    def skipped(self, file: Path, line: int, reason: str) -> None:
        """A line was passed over."""
        event = "a line of a lease file is passed over"
        remedy = "see whether accounting.leases names the file's format"
        log.get().warning(event, file=str(file), line=line, reason=reason, remedy=remedy)
