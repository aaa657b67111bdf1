"""A network that tells of its sessions: addresses, fingerprints and messages for the table of sessions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

from filterd.accounting.sessions import Sessions
from filterd.wire.session_stream import ENTRY_SIZE, SessionEntry

START, STOP, INTERIM, ON, OFF, DISCONNECT, CHANGE = 1, 2, 3, 7, 8, 40, 43
LEASE, COMMAND = 2, 3
BEGIN = 1_700_000_000.0
STALE_AFTER = 7200
KEY = bytes(range(16))

Claim = tuple[bytes, int, tuple[int, int] | None]


def wide(text: str) -> bytes:
    """The 16-byte form of an address."""
    address = ip_address(text)
    return bytes(10) + b"\xff\xff" + address.packed if address.version == 4 else address.packed


def claim(text: str) -> Claim:
    """The claim of ``192.0.2.1``, ``2001:db8::/56`` or ``192.0.2.1:1024-2047``."""
    if "-" in text:
        address, _, ports = text.partition(":")
        first, _, last = ports.partition("-")
        return wide(address), 128, (int(first), int(last))
    network = ip_network(text)
    return wide(str(network.network_address)), network.prefixlen + (96 if network.version == 4 else 0), None


def fingerprint(text: str) -> bytes:
    """Sixteen bytes that stand for a text; zero for none."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest() if text else bytes(16)


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = BEGIN

    def __call__(self) -> float:
        return self.now


@dataclass
class Network:
    """NASes, leases and commands that tell one table."""

    table: Sessions
    clock: Clock = field(default_factory=Clock)

    def tell(
        self,
        kind: int,
        session: str,
        subscriber: str,
        addresses: Sequence[str],
        *,
        ago: float = 0,
        nas: str = "bng-1",
        waited: float = 0,
    ) -> None:
        """One RADIUS message that arrives now and tells of ``ago`` seconds before; ``waited``: its delay."""
        self.table.give(
            [claim(each) for each in addresses],
            subscriber=fingerprint(subscriber),
            session=fingerprint(session and f"{nas}/{session}"),
            nas=fingerprint(nas),
            stamp=self.clock.now - ago,
            arrival=self.clock.now,
            lasts=STALE_AFTER,
            kind=kind,
            delay=waited,
        )

    def give(
        self,
        kind: int,
        *,
        nas: bytes,
        session: str = "",
        subscriber: str = "",
        addresses: Sequence[str] = (),
        ago: float = 0,
    ) -> None:
        """One RADIUS message of a NAS with this fingerprint."""
        self.table.give(
            [claim(each) for each in addresses],
            subscriber=fingerprint(subscriber),
            session=fingerprint(session and f"{nas.hex()}/{session}"),
            nas=nas,
            stamp=self.clock.now - ago,
            arrival=self.clock.now,
            lasts=STALE_AFTER,
            kind=kind,
        )

    def put(
        self, session: str, subscriber: str, addresses: Sequence[str], *, lasts: int, ago: float = 0
    ) -> None:
        """One command."""
        self.table.put(
            [claim(each) for each in addresses],
            subscriber=fingerprint(subscriber),
            session=fingerprint(session),
            nas=fingerprint("command"),
            source=COMMAND,
            stamp=self.clock.now,
            lasts=lasts,
            kind=START,
        )

    def line(self, address: str, port: int = 0) -> int | None:
        """The line that has the address; None where no session has it."""
        found = self.table.find(wide(address), port)
        return None if found is None else found.line

    def register(self, **lines: int) -> None:
        """Register subscribers."""
        for subscriber, line in lines.items():
            self.table.register(fingerprint(subscriber), line)


def network(
    path: Path | None = None,
    clock: Clock | None = None,
    most: int = 1000,
    expected: bool = False,
    note: Path | None = None,
) -> Network:
    """A network with a table of its own."""
    clock = clock or Clock()
    return Network(Sessions(path, KEY, most, STALE_AFTER, clock, expected=expected, note=note), clock)


def entries(run: bytes) -> list[SessionEntry]:
    """The entries of a run of them."""
    return [SessionEntry.from_bytes(run[at : at + ENTRY_SIZE]) for at in range(0, len(run), ENTRY_SIZE)]


@dataclass
class Receiver:
    """The tables of a receiver of the stream: the line of each entry, while its time lasts."""

    lines: dict[tuple[bytes, int, int], tuple[int, float]] = field(default_factory=dict)
    sequence: int = 0

    def take(self, run: bytes, now: float) -> None:
        """Apply entries that were sent now."""
        for each in entries(run):
            place = each.address, each.length, int(each.table)
            if each.line == 0:
                self.lines.pop(place, None)
            else:
                self.lines[place] = each.line, now + each.left

    def follow(self, table: Sessions, now: float) -> bool:
        """Take what has changed; all anew where that is no longer known (False)."""
        found = table.changes(self.sequence, 1000)
        while found is not None and found[1]:
            self.take(found[1], now)
            self.sequence = found[0]
            found = table.changes(self.sequence, 1000)
        if found is not None:
            return True
        self.begin(table, now)
        return False

    def begin(self, table: Sessions, now: float) -> None:
        """Take every session."""
        self.lines, self.sequence, cursor = {}, table.sequence, 0
        while True:
            cursor, run = table.full(cursor, 1000)
            self.take(run, now)
            if cursor == 0:
                return

    def at(self, now: float) -> dict[tuple[bytes, int, int], int]:
        """The line of each entry whose time is not over."""
        return {place: line for place, (line, until) in self.lines.items() if until > now}
