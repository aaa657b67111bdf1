"""The sessions of the resolver in memory, filled from entries of the stream or of the sessions file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from filterd.dataplane.tables.addresses import Addresses
from filterd.wire.session_stream import EntryTable


def _table() -> Addresses:
    return Addresses(os.urandom(16))


@dataclass(slots=True)
class KnownSessions:
    """Addresses, and ports of shared addresses, each with its line, its source and its deadline. Written by
    one thread; read by the query path."""

    addresses: Addresses = field(default_factory=_table)
    ports: Addresses = field(default_factory=_table)

    def apply(self, entries: bytes, ticks: float) -> None:
        """Put entries of the stream into the tables; queries get the interpreter in between. ``ticks``: the
        seconds from which what is left counts. TableError, and nothing is taken, for malformed ones."""
        now = int(ticks)
        self.addresses.apply(entries, now, EntryTable.ADDRESSES)
        self.ports.apply(entries, now, EntryTable.PORTS)

    def live(self, ticks: float) -> int:
        """Entries that lead to a line at this moment."""
        now = int(ticks)
        return self.addresses.live(now) + self.ports.live(now)

    def __len__(self) -> int:
        """Entries, those included that are past their deadline and not yet taken away."""
        return len(self.addresses) + len(self.ports)

    @property
    def memory(self) -> int:
        """Bytes held."""
        return self.addresses.memory + self.ports.memory
