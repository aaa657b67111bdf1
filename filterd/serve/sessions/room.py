"""The room of the table of sessions: what readiness and the log say while new sessions are refused.

A line whose session is refused is unknown. Its NAS tells of it again with each interim packet, and a lease is
tried again by the watcher of its file, so that refusals come in bursts for as long as the state lasts: it is
said once at its beginning and once at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filterd.telemetry import log

QUIET_SECONDS = 60.0
"""without a refusal, after which there is room again"""


class TableRoom:
    """Looked at once a second. Owned by the event loop."""

    def __init__(self, ticks: Callable[[], float], file: Path) -> None:
        """``ticks``: seconds of a clock that does not go back; ``file``: the one of the table."""
        self._ticks = ticks
        self._file = file
        self._refused = 0
        """refusals that were seen"""
        self._before = 0
        """refusals before the present state"""
        self._last = 0.0
        """when the last refusal was seen"""
        self._reason = ""
        """why sessions are refused; empty: they are not"""

    @property
    def remark(self) -> str:
        """The remark of the readiness page; empty: there is room."""
        return self._reason and f"new sessions are refused: {self._reason}"

    def look(self, live: int, most: int, refused: int) -> None:
        """Take the sessions that there are, the most there may be, and the refusals since the start."""
        full, fresh = live >= most, refused > self._refused
        if fresh:
            self._last = self._ticks()
        if not self._reason and (full or fresh):
            self._before = self._refused
            self._begin(full, most)
        elif self._reason and not full and self._ticks() - self._last >= QUIET_SECONDS:
            self._reason = ""
            event = "new sessions are taken again"
            log.get().info(
                event,
                count=refused - self._before,
                remedy="none: they come with their next packets, leases by themselves",
            )
        self._refused = refused

    def _begin(self, full: bool, most: int) -> None:
        if full:
            self._reason = f"there are {most}, as many as the table has room for (accounting.sessions)"
            remedy = (
                f"raise accounting.sessions above {most}, then restart control; "
                "filterd session list tells their sources"
            )
        else:
            self._reason = f"the disk of {self._file.parent} has no room"
            remedy = (
                f"make room: df {self._file.parent}; sessions come with their next packets then, "
                "leases by themselves"
            )
        log.get().error("new sessions are refused", count=most, reason=self._reason, remedy=remedy)
