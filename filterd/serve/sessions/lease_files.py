"""The watched lease files: leases become sessions, and what is wrong with a file is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filterd.accounting.claimable import ClaimNetworks
from filterd.accounting.leases.watched import LeaseFileState, WatchedFile
from filterd.accounting.leases.watcher import LeaseWatcher
from filterd.accounting.sessions import Sessions
from filterd.config.accounting_settings import LeasesSettings
from filterd.model.session import SessionSource
from filterd.serve.sessions.table import ClaimEntry
from filterd.telemetry import log
from filterd.wire.session_stream import ENTRY_SIZE, MOST_ENTRIES, SessionEntry

NOBODY = bytes(16)
"""the fingerprint that names nobody"""


class LeaseSessions:
    """Gives leases to the table. Called from the watcher's thread."""

    def __init__(self, table: Sessions, networks: ClaimNetworks) -> None:
        self._table = table
        self.networks = networks
        """those in which claims count"""
        self.refused = 0
        """leases of addresses that no session may have"""

    def put(
        self,
        claims: Sequence[ClaimEntry],
        *,
        subscriber: bytes,
        session: bytes,
        nas: bytes,
        source: int,
        stamp: float,
        lasts: int,
        kind: int,
    ) -> bool:
        """A lease holds, or is over. False: the table, or its disk, has no room for it."""
        if not all(self.networks.take(address, length) for address, length, _ in claims):
            self.refused += 1
            return True
        return self._table.put(
            claims,
            subscriber=subscriber or NOBODY,
            session=session,
            nas=nas,
            source=source,
            stamp=stamp,
            lasts=lasts,
            kind=kind,
        )

    def held(self) -> Iterator[tuple[bytes, int]]:
        """Address and prefix length of each session that came by a lease, also of subscribers
        that nobody has registered."""
        cursor = 0
        while True:
            cursor, entries = self._table.full(cursor, MOST_ENTRIES, unregistered=True)
            for at in range(0, len(entries), ENTRY_SIZE):
                entry = SessionEntry.from_bytes(entries[at : at + ENTRY_SIZE])
                if entry.source == SessionSource.LEASE:
                    yield entry.address, entry.length
            if not cursor:
                return


class LeaseFiles:
    """The watcher and its reports, which come from its own thread. Owned by the event loop."""

    def __init__(
        self,
        files: Sequence[LeasesSettings],
        table: Sessions,
        key: bytes,
        clock: Callable[[], float],
        networks: ClaimNetworks | None = None,
    ) -> None:
        """``networks``: those in which leases count; None: anywhere."""
        self._reasons: dict[Path, str] = {}
        """file -> why it cannot be read"""
        self._skipped: set[Path] = set()
        """files of which a line was told to be passed over"""
        watched = [
            WatchedFile(
                each.format.value, each.file, each.line.value, tuple(step.value for step in each.normalize)
            )
            for each in files
        ]
        self._sink = LeaseSessions(table, networks or ClaimNetworks())
        self._watcher = LeaseWatcher(watched, self._sink, self, key, clock)

    @property
    def refused(self) -> int:
        """Leases of addresses that no session may have."""
        return self._sink.refused

    @property
    def lines_skipped(self) -> int:
        """Lines that were passed over since the start."""
        return sum(each.skipped for each in self.states())

    def limit(self, networks: ClaimNetworks) -> None:
        """Let leases count in these networks from now on."""
        self._sink.networks = networks

    def start(self) -> None:
        """Begin to look."""
        self._watcher.start()

    def close(self) -> None:
        """End the watcher, and wait for it."""
        self._watcher.end()
        self._watcher.join()

    def states(self) -> list[LeaseFileState]:
        """Each file as it was at its last look."""
        return self._watcher.states()

    def remarks(self) -> list[str]:
        """The remarks of the readiness page."""
        return [f"the lease file {file}: {reason}" for file, reason in list(self._reasons.items())]

    def unreadable(self, file: Path, reason: str) -> None:
        """A file cannot be read, or is damaged."""
        self._reasons[file] = reason
        remedy = (
            "mend the file, or let the user of control read it (see docs/operations.md); "
            "its sessions end with their leases"
        )
        log.get().error("a lease file cannot be read", file=str(file), reason=reason, remedy=remedy)

    def readable(self, file: Path) -> None:
        """It can be read again."""
        self._reasons.pop(file, None)
        log.get().info("a lease file can be read again", file=str(file))

    def skipped(self, file: Path, line: int, reason: str) -> None:
        """A line was passed over: the first one of each file is told."""
        if file in self._skipped:
            return
        self._skipped.add(file)
        event = "a lease file has lines that are passed over"
        remedy = (
            "look at the line; later ones of this file are not told, and filterd_lease_lines_skipped_total "
            "counts them"
        )
        log.get().warning(event, file=str(file), line_number=line, reason=reason, remedy=remedy)
