"""The lease files to watch, and the receivers of what the watcher finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

START, STOP = 1, 2
"""the kinds of events (``EVENT_*`` in event.pxd)"""

Claim = tuple[bytes, int, tuple[int, int] | None]
"""16 bytes of an address, the length of the prefix, and ports, which a lease never has"""


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """A lease file, as ``accounting.leases`` names it."""

    format: str
    """``kea``, ``dnsmasq`` or ``isc``"""
    path: Path
    value: str
    """the part of a lease that is the subscriber's id (``config.settings.LeaseValue``)"""
    normalize: tuple[str, ...] = ()
    """the steps of ``accounting.attributes.normalized``"""


class LeaseSink(Protocol):
    """Takes leases as sessions; called from the watcher's thread."""

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
    ) -> bool:
        """A lease holds (START), or is over (STOP; without claims and subscriber, the session says which).
        Events of one file come in its order; a STOP ends its session whatever its stamp. False: there was no
        room for a START, which is to be given again."""
        ...

    def held(self) -> Iterable[tuple[bytes, int]]:
        """Address and prefix length of each session that came by a lease: of before a restart. Those that
        the first whole file does not have are ended; a STOP of a session that is not there does nothing."""
        ...


class LeaseReporter(Protocol):
    """Takes what an operator should know; no address and no line is in it."""

    def unreadable(self, file: Path, reason: str) -> None:
        """A file cannot be read, is damaged, or is not there for a while. Each reason is told once until it
        can be read again. Sessions keep their deadlines."""
        ...

    def readable(self, file: Path) -> None:
        """It can be read again."""
        ...

    def skipped(self, file: Path, line: int, reason: str) -> None:
        """A line was passed over."""
        ...


@dataclass(frozen=True, slots=True)
class LeaseFileState:
    """A watched file at this moment, for status and metrics."""

    path: Path
    leases: int
    """in force, with a value that names a line"""
    nameless: int
    """in force, but without that value: nobody's"""
    skipped: int
    """lines passed over since the start"""
    readable: bool
    """false: it could not be read at the last looks, or is damaged"""
    read: bool
    """false: it was not read yet since the start"""
