"""Ends the sessions whose addresses lie outside of ``accounting.pools``, after a change of these."""

from __future__ import annotations

from collections.abc import Callable

from filterd.accounting.attributes import StatusType
from filterd.accounting.claimable import MAPPED, ClaimNetworks
from filterd.accounting.sessions import Sessions
from filterd.model.identity import IdentityKind, identity_input
from filterd.model.session import SessionSource
from filterd.policy.fingerprint import fingerprint
from filterd.wire.session_stream import ENTRY_SIZE, EntryTable, SessionEntry

MOST = 256
"""entries of one slice"""
_NONE = bytes(16)


class Narrowing:
    """Visits all sessions once after each :meth:`begin`, a slice with each :meth:`turn`. Owned by the event
    loop.

    A session that has one address outside ends as a whole; its next message begins it anew, with what may be
    claimed.
    """

    def __init__(self, table: Sessions, key: bytes, clock: Callable[[], float]) -> None:
        self._table = table
        self._clock = clock
        self._nas = fingerprint(key, identity_input(IdentityKind.NAS, SessionSource.COMMAND.word.encode()))
        self._networks = ClaimNetworks()
        self._cursor = 0
        self.pending = False
        """true: there are sessions that were not visited yet"""
        self.ended = 0
        """claims that were ended, since the start"""

    def begin(self, networks: ClaimNetworks) -> None:
        """Let sessions have addresses in these networks alone, from the next turns on."""
        self._networks, self._cursor, self.pending = networks, 0, bool(networks)

    def turn(self) -> None:
        """Visit some sessions."""
        if not self.pending:
            return
        self._cursor, entries = self._table.full(self._cursor, MOST, unregistered=True)
        for at in range(0, len(entries), ENTRY_SIZE):
            self._look_at(SessionEntry.from_bytes(entries[at : at + ENTRY_SIZE]))
        self.pending = self._cursor != 0

    def _look_at(self, entry: SessionEntry) -> None:
        address, length, ports = entry.address, entry.length, None
        if entry.table is EntryTable.PORTS:
            port = int.from_bytes(address[4:6])
            address, length, ports = MAPPED + address[:4], 128, (port, port)
        if self._networks.take(address, length):
            return
        self.ended += 1
        self._table.put(
            [(address, length, ports)],
            subscriber=_NONE,
            session=_NONE,
            nas=self._nas,
            source=int(SessionSource.COMMAND),
            stamp=self._clock(),
            lasts=0,
            kind=StatusType.STOP,
        )
