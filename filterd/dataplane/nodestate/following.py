"""How well the node follows the store: since when it has everything, what hinders it, and its start.

The node's thread writes; the event loop and the threads of /metrics and /readyz read. Times are seconds of a
clock that does not go back: what the machine's clock says must not hide that a change is waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from filterd.dataplane.nodestate.changes import (
    ChainBrokenError,
    OtherHistoryError,
    OtherKeyError,
    RowsDamagedError,
    StoreLockedError,
    StoreUnreadableError,
)
from filterd.model.records import OTHER_HISTORY

GRACE_SECONDS = 0.5
"""how long a node that follows as it should may be without a complete poll: the lag shows 0 until then"""
START_SECONDS = 2.0
"""how long a start waits for a store that is there and cannot be read just now: longer than any write holds
its lock, shorter than a client's own wait"""
HUNG_SECONDS = 1.0
"""without a turn, after which a start that has waited long enough does not wait for the turn either"""
STUCK_SECONDS = 5.0
"""without a turn of the node's thread, after which the node is not ready"""

SERVED_FROM_DISK = "the store was not read since the start, so what is newer than this disk is missing"
WITHOUT_STORE = "none for DNS: what this disk holds is served; see what is said of the change log"
_REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (
        OtherHistoryError,
        "put the newest store back, or: filterd restore (DIRECTORY | --in-place) --reason ...;"
        " filterd node resync says more",
    ),
    (
        OtherKeyError,
        "control makes the fingerprints anew; where it cannot, its log says why: put keys/fingerprint.key and"
        " keys/confidential.key back",
    ),
    (RowsDamagedError, "see which orders are damaged, and what to do: filterd audit verify"),
    (
        ChainBrokenError,
        "the store is damaged or was changed by hand; run: filterd audit verify, and restore",
    ),
    (StoreLockedError, "find the process that holds the file (lsof), and see whether its disk fails (dmesg)"),
    (
        StoreUnreadableError,
        "see that the file is there, is this user's and has this version's schema (filterd store migrate);"
        " otherwise run: filterd restore DIRECTORY --reason ...",
    ),
    (OSError, "free room on the disk of the file (df), and see whether it fails (dmesg)"),
    (
        ValueError,
        "install the version of filterd that wrote the store, or run: filterd restore DIRECTORY --reason ...",
    ),
)


def remedy_of(error: Exception) -> str:
    """The advice for an error that keeps the node from following."""
    return next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), "")


def text_of(error: Exception) -> str:
    """The error for log and readiness: without names, addresses and lines, which other errors may quote."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) if isinstance(error, StoreUnreadableError) else type(error).__name__


class Following:
    """See the module. ``ticks`` is the clock."""

    def __init__(self, ticks: Callable[[], float], *, store: bool) -> None:
        """``store`` is true if there is one to follow; otherwise there is nothing to wait for."""
        self._ticks = ticks
        self._store = store
        self._began = self._complete_at = self._progress_at = ticks()
        self.waits = store
        """true until the start may publish a state"""
        self.choices_followed = not store
        """true once the lines and bindings of the store were applied"""
        self.trouble: Exception | None = None
        """the reason why the last poll did not end well"""
        self.other_history = False
        """true from when the store had another history than the one applied here until it is followed again,
        whatever else goes wrong meanwhile"""
        self.begun = threading.Event()
        """set when the start waits no longer"""
        if not store:
            self.begun.set()

    @property
    def stuck(self) -> bool:
        """True if the node's thread has not turned for a long time."""
        return self._ticks() - self._progress_at >= STUCK_SECONDS

    @property
    def late(self) -> bool:
        """True if the start has waited as long as it may."""
        return self.waits and self._ticks() - self._began >= START_SECONDS

    @property
    def hung(self) -> bool:
        """True if the start has waited as long as it may, and the thread does not come back."""
        return self.late and self._ticks() - self._progress_at >= HUNG_SECONDS

    def lag(self) -> float:
        """Seconds since the node last had everything, applied and on its disk; 0 within a small grace."""
        passed = self._ticks() - self._complete_at
        return passed if self._store and passed > GRACE_SECONDS else 0.0

    def progressed(self) -> None:
        """The thread begins a turn, or makes progress in a long one."""
        self._progress_at = self._ticks()

    def complete(self) -> None:
        """A poll left nothing waiting, and everything is on the disk."""
        self._complete_at = self._ticks()

    def fail(self, error: Exception) -> bool:
        """A poll could not be done. Returns whether that is another trouble than before."""
        news = type(error) is not type(self.trouble)
        self.trouble = error
        self.other_history = self.other_history or isinstance(error, OtherHistoryError)
        return news

    def recover(self) -> None:
        """A poll went well."""
        self.other_history, self.trouble = False, None

    def gives_up(self, error: Exception) -> bool:
        """Return whether the start has to do without the store, since waiting would not help."""
        return self.waits and (self.late or not isinstance(error, StoreLockedError))

    @property
    def _store_is_away(self) -> bool:
        """True if the store cannot be read, so that nobody knows whether anything is waiting in it."""
        return type(self.trouble) in (StoreUnreadableError, StoreLockedError)

    def remarks(self) -> list[str]:
        """The remarks on a node that is ready."""
        if self.trouble is None or not self._store_is_away:
            return []
        return [f"behind the store, with what it has: {text_of(self.trouble)}"]

    def reasons(self) -> list[str]:
        """The reasons why a node with all its parts is not ready."""
        found = []
        if self.waits:
            found.append("the orders of the store are being read")
        elif self.other_history:
            found.append(OTHER_HISTORY)
        elif not self.choices_followed:
            reading = "the lines of the store are being read"
            found.append(reading if self.trouble is None else f"{SERVED_FROM_DISK}: {text_of(self.trouble)}")
        elif self.trouble is not None and not self._store_is_away:
            found.append(f"changes of the store cannot be applied: {text_of(self.trouble)}")
        if self.stuck:
            found.append("the thread that follows the store does not turn")
        return found
