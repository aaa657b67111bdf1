"""The watcher of lease files: one thread that looks at each of them four times a second.

Looking (``stat``) is what works on every file system and beside every way in which the servers write: Kea and
dhcpd append and rename, dnsmasq writes in place. Nothing here is on the event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from filterd.accounting.leases.files import (
    KEA_OLDER,
    FileFollower,
    JournalFollower,
    NotAtRestError,
    Parsers,
    WholeFileFollower,
)
from filterd.accounting.leases.ledger import LeaseLedger
from filterd.accounting.leases.watched import LeaseFileState, LeaseReporter, LeaseSink, WatchedFile

INTERVAL = 0.25
"""seconds between two looks at a file"""
PATIENCE = 20
"""looks for which a file may be away, change or be half written before that is told: Kea takes it away for a
moment when it cleans up"""
_AGAIN = 20
"""looks between two attempts to hand over what the table had no room for"""
_RECOUNT = 40
"""looks between two counts of leases whose time has ended"""


class WatchedLeases:
    """One file: what is new goes to the sink, trouble to the reporter. Used by one thread."""

    def __init__(self, watched: WatchedFile, follower: FileFollower, ledger: LeaseLedger) -> None:
        self._watched = watched
        self._follower = follower
        self._ledger = ledger
        self._failures = 0
        self._told: set[str] = set()
        """the reasons for which the file cannot be read that the reporter has heard"""
        self._looks = 0
        self.state = LeaseFileState(watched.path, 0, 0, 0, readable=True, read=False)

    def look(self, reporter: LeaseReporter) -> None:
        """Read what is new. Never raises for what a file may be."""
        self._looks += 1
        if self._looks % _AGAIN == 0:
            self._ledger.put_again()
        try:
            new = self._follower.turn()
        except FileNotFoundError:
            self._failed(reporter, "it is not there", PATIENCE)
            return
        except NotAtRestError as error:
            self._failed(reporter, str(error), PATIENCE)
            return
        except OSError as error:
            self._failed(reporter, error.strerror or str(error), 1)
            return
        for each in self._follower.reasons:
            reporter.skipped(self._watched.path, each.number, each.reason)
        if self._follower.fault:
            self._failed(reporter, self._follower.fault, PATIENCE)
            if new:
                self._count(readable=not self._told)
            return
        if self._told:
            reporter.readable(self._watched.path)
        self._failures, self._told = 0, set()
        if new or self._looks % _RECOUNT == 0 or not self.state.readable:
            self._count(readable=True)

    def close(self) -> None:
        """Let go of the file."""
        self._follower.close()

    def _failed(self, reporter: LeaseReporter, reason: str, patience: int) -> None:
        self._failures += 1
        if self._failures >= patience and reason not in self._told:
            self._told.add(reason)
            reporter.unreadable(self._watched.path, reason)
            self._count(readable=False)

    def _count(self, *, readable: bool) -> None:
        leases, nameless = self._ledger.counts()
        read = self.state.read or readable
        self.state = LeaseFileState(
            self._watched.path, leases, nameless, self._follower.skipped, readable=readable, read=read
        )


def watch(
    watched: WatchedFile,
    sink: LeaseSink,
    key: bytes,
    clock: Callable[[], float],
    pause: Callable[[float], object],
) -> WatchedLeases:
    """The watch over one file. ``key``: the installation's fingerprint key; ``pause`` waits some seconds."""
    ledger = LeaseLedger(watched, sink, key, clock)
    parser = partial(Parsers[watched.format], watched.value)
    follower: FileFollower
    if watched.format == "dnsmasq":
        follower = WholeFileFollower(watched.path, parser, ledger, pause)
    else:
        older = KEA_OLDER if watched.format == "kea" else ()
        follower = JournalFollower(watched.path, parser, ledger, older)
    return WatchedLeases(watched, follower, ledger)


class LeaseWatcher:
    """The thread. ``start``, ``end`` and ``states`` are for the event loop, ``join`` may take a moment."""

    def __init__(
        self,
        files: Sequence[WatchedFile],
        sink: LeaseSink,
        reporter: LeaseReporter,
        key: bytes,
        clock: Callable[[], float],
    ) -> None:
        """``sink`` and ``reporter`` are called from the thread; ``clock`` gives Unix seconds."""
        self._stopping = threading.Event()
        self._reporter = reporter
        self._watches = [watch(each, sink, key, clock, self._stopping.wait) for each in files]
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """Let the thread end with the look that it is at."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def states(self) -> list[LeaseFileState]:
        """Each file as it was at its last look."""
        return [each.state for each in self._watches]

    def _run(self) -> None:
        while not self._stopping.is_set():
            for each in self._watches:
                if not self._stopping.is_set():
                    each.look(self._reporter)
            self._stopping.wait(INTERVAL)
        for each in self._watches:
            each.close()
