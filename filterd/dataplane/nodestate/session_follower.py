"""Follows the sessions of control over its stream, on a thread of its own.

At a start the thread asks control. Where that does not answer within a moment, it reads the sessions file,
so that lines are known without control, and goes on asking. From then on it applies each change as it comes.
A full state goes into fresh tables, which then take the place of the old ones. A control that has lost its
state (its frames are not COMPLETE) takes nothing away: its sessions are added to those that are known, until
it has all of them again.

Every entry ends by its own deadline in seconds of this machine's monotonic clock, whatever happens to control
or to the time of day. Sessions are *loaded* once all of them were read, from a complete control or from the
file; before, nobody can tell whether a client's line is known by session.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from filterd.dataplane.nodestate.known_sessions import KnownSessions
from filterd.dataplane.nodestate.node_types import NodeObserver
from filterd.dataplane.nodestate.session_link import SessionLink
from filterd.dataplane.tables.dump import TableError
from filterd.disk.session_file import FileEntries
from filterd.wire.session_stream import Frame, FrameKind, StreamError

TURN_SECONDS = 0.1
"""how long one wait for a frame lasts: a stop is noticed after it"""
MOMENT_SECONDS = 0.25
"""how long a start waits for control before it reads the file"""
SILENCE_SECONDS = 5.0
"""without a frame, after which the connection is taken for dead; control sends one each second"""
AWAY_SECONDS = 30.0
"""without control, after which that is said in the log"""
COUNT_SECONDS = 5.0
"""between two counts of the entries in force"""
STALE_SHARE, MOST_STALE = 0.05, 100
"""share and number of entries past their end above which that is said in the log"""
FIRST_PAUSE, LAST_PAUSE = 0.1, 1.0
"""seconds between two attempts to connect: doubled each time"""
CONTROL_AWAY = (
    "see why control does not run: systemctl status filterd-control; sessions stay known until the end that"
    " each has, new ones are not"
)
MALFORMED = (
    "none: all sessions are read anew; if it goes on, install one version of filterd for both roles, and"
    " restart them"
)
STALE = (
    "their lines are unknown until they are heard of again: see whether control runs and gets accounting"
    " packets (filterd session list)"
)
FILE_LACKING = (
    "none where control runs: they come again with their next packets; until accounting.settle is over,"
    " dns.parental_fail holds for unknown clients"
)
FILE_DROPPED = (
    "none where control runs: it sends all sessions; their lines are unknown until then; without a power cut"
    " before it see the disk of state_dir (dmesg)"
)
FILE_UNREADABLE = "none where control runs: it sends all sessions; see the disk of state_dir (dmesg)"


class ResyncReason(StrEnum):
    """The reasons for reading all sessions anew from control."""

    START = "start"
    BEHIND = "behind"
    """control no longer knows what came since, or was started again"""
    MALFORMED = "malformed"
    SETTLED = "settled"
    """control had lost its state and has all sessions again"""


@dataclass(frozen=True, slots=True)
class SessionPaths:
    """The stream's socket and the reader of the sessions file."""

    socket: Path
    read: Callable[[], FileEntries | None]
    """the sessions in the file; None where there is no file, and never was one. Raises ``OSError`` and
    ValueError for one that cannot be read"""


@dataclass(frozen=True, slots=True)
class SessionsInForce:
    """The sessions that the query path works with until the next."""

    known: KnownSessions
    ready: bool
    """true if every session was loaded"""
    used: bool
    """true if lines are known by session here at all"""


class SettledError(Exception):
    """Control has all sessions again."""


class SessionFollower:
    """The thread's work and what it has. All but :meth:`use`, :meth:`stop` and the values for metrics belongs
    to that thread."""

    def __init__(
        self,
        paths: SessionPaths,
        publish: Callable[[SessionsInForce], None],
        observer: NodeObserver,
        ticks: Callable[[], float],
        *,
        used: bool,
        configured: bool,
    ) -> None:
        """``used``: lines may be known by session, as far as the start can tell; ``configured``: the settings
        name a source of sessions. ``ticks`` gives seconds of a clock that does not go back."""
        self.known = KnownSessions()
        self.loaded = False
        self.dropped = 0
        """records of the file that were left out when it was read"""
        self.connected = False
        self.resyncs: Counter[ResyncReason] = Counter()
        self.begun = threading.Event()
        """set once a first attempt to load them has ended, whatever it brought"""
        self._paths = paths
        self._publish = publish
        self._observer = observer
        self._ticks = ticks
        self._used = used
        self._configured = configured
        self._place = (0, 0)
        """stream and sequence number that are applied"""
        self._loading: KnownSessions | None = None
        """where a full state goes that is under way"""
        self._merged = False
        """true if the last full state came from a control that may lack sessions"""
        self._reason = ResyncReason.START
        self._file_read = False
        self._heard = ticks()
        self._away_said = False
        self._malformed_said = False
        self._in_force = 0
        self._counted = ticks()
        self._stale_said = False
        self._stop = threading.Event()
        self._show()

    @property
    def used(self) -> bool:
        """True if lines are known by session here at all."""
        return self._used or self._configured

    @property
    def ready(self) -> bool:
        """True if no session is missing, as far as can be told."""
        return self.loaded or not self.used

    @property
    def in_force(self) -> int:
        """The entries that lead to a line now: those past their deadline are not among them."""
        return self._in_force

    def lag(self) -> float:
        """Seconds since control was last heard."""
        return self._ticks() - self._heard

    def missing(self) -> list[str]:
        """The reasons why the node is not ready; empty where it is."""
        if self.ready:
            return []
        if not self.connected:
            why = "control does not send them, so start it, or see its log"
        elif self._loading is not None:
            why = "control is sending them"
        else:
            why = "control lost its own, and waits for accounting.settle until it has heard of all"
        return [f"sessions are not loaded: {why}; until then dns.parental_fail holds for unknown clients"]

    def remarks(self) -> list[str]:
        """The remarks on a node that is ready."""
        if self.used and self.loaded and self._is_away():
            return ["without control's stream of sessions, so new ones are not known: see its log"]
        return []

    def use(self, *, configured: bool) -> None:
        """Take over whether the settings name a source of sessions. May be called from any thread."""
        self._configured = configured
        self._show()

    def stop(self) -> None:
        """Make :meth:`run` return."""
        self._stop.set()

    def run(self) -> None:
        """Follow control until :meth:`stop`."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            heard = self._heard
            try:
                with SessionLink(self._paths.socket) as link:
                    self._follow(link)
            except (StreamError, TableError) as error:
                self._anew(ResyncReason.MALFORMED)
                self._say_malformed(str(error))
            except SettledError:
                self._anew(ResyncReason.SETTLED)
            except OSError:
                pass  # control is not there; what that means is said by time, in _look
            except Exception as error:
                self._anew(ResyncReason.MALFORMED)
                self._observer.failed(error)
            self.connected, self._loading = False, None
            self._read_file()
            self._look()
            pause = FIRST_PAUSE if self._heard != heard else min(2 * pause, LAST_PAUSE)
            self._stop.wait(pause)

    def _follow(self, link: SessionLink) -> None:
        """Take frames until :meth:`stop`. Raises StreamError, ``OSError`` at the end of the connection."""
        link.hello(*self._place)
        began = self._ticks()
        while not self._stop.is_set():
            self._count()
            found = link.next(TURN_SECONDS)
            if found is not None:
                self._heard = self._ticks()
                self.connected = True
                self._take(*found)
                self._say_back()
                continue
            silent = self._ticks() - max(began, self._heard)
            if silent >= MOMENT_SECONDS:
                self._read_file()
            if silent >= SILENCE_SECONDS:
                msg = "control sends nothing"
                raise TimeoutError(msg)

    def _take(self, frame: Frame, entries: bytes) -> None:
        """Do what a frame says."""
        if frame.kind is FrameKind.BEGIN:
            self._begin(frame)
        elif frame.kind is FrameKind.FULL and self._loading is not None:
            self._apply(self._loading, entries)
        elif frame.kind is FrameKind.END and self._loading is not None:
            self._end(frame)
        elif frame.kind is FrameKind.BEAT and self._loading is not None:
            return
        elif frame.kind in {FrameKind.CHANGE, FrameKind.BEAT} and self._loading is None:
            self._go_on(frame, entries)
        else:
            msg = f"a frame of kind {frame.kind.name} where none can come"
            raise StreamError(msg)

    def _begin(self, frame: Frame) -> None:
        """A full state begins: into fresh tables, if it will be all of it."""
        if self._place != (0, 0):
            self._reason = ResyncReason.BEHIND
        self.resyncs[self._reason] += 1
        self._merged = not frame.complete
        self._loading = self.known if self._merged else KnownSessions()

    def _end(self, frame: Frame) -> None:
        """The full state is there: put it in force."""
        if self._loading is not None:
            self.known = self._loading
        self._loading = None
        self._place = (frame.stream, frame.sequence)
        self.loaded = self.loaded or not self._merged
        self._malformed_said = False
        self._show()
        self.begun.set()
        self._settle(frame)

    def _go_on(self, frame: Frame, entries: bytes) -> None:
        """Apply changes. They go on from the place that was reached."""
        stream, sequence = self._place
        if stream == 0 or frame.stream != stream or frame.sequence < sequence:
            msg = "a change that does not go on from what came before"
            raise StreamError(msg)
        if entries:
            self._apply(self.known, entries)
        self._place = (frame.stream, frame.sequence)
        self._settle(frame)

    def _settle(self, frame: Frame) -> None:
        """Once control has everything again, read that in the place of a mixture."""
        if self._merged and frame.complete:
            raise SettledError

    def _apply(self, target: KnownSessions, entries: bytes) -> None:
        target.apply(entries, self._ticks())
        if entries and not self._used:
            self._used = True
            self._show()

    def _anew(self, reason: ResyncReason) -> None:
        """Ask for everything at the next connection."""
        self._place, self._reason = (0, 0), reason

    def _read_file(self) -> None:
        """Read the sessions file, once, where nothing is loaded."""
        if self._file_read or self.loaded:
            return
        self._file_read = True
        try:
            found = self._paths.read()
            if found is not None:
                fresh = KnownSessions()
                for entries in found.runs:
                    fresh.apply(entries, self._ticks())
                self.known, self.loaded = fresh, not found.lacking
                self._used = len(fresh) > 0 or not self.loaded
                self.dropped += found.dropped
                if found.dropped and not found.lacking:
                    event = "records of the sessions file were dropped"
                    self._observer.note(event, count=found.dropped, remedy=FILE_DROPPED)
                if found.lacking:
                    event = "the sessions file does not have every session"
                    self._observer.note(event, reason=found.lacking, remedy=FILE_LACKING)
        except (OSError, ValueError, TableError) as error:
            self._observer.note("the sessions file cannot be read", reason=str(error), remedy=FILE_UNREADABLE)
        self._show()
        self.begun.set()

    def _show(self) -> None:
        self._publish(SessionsInForce(self.known, self.loaded, self.used))

    def _is_away(self) -> bool:
        return self.lag() >= AWAY_SECONDS

    def _count(self) -> None:
        """Count the entries in force now and then. Control takes away what is past its end; where many such
        are still here, it does not keep up, or is away."""
        now = self._ticks()
        if now - self._counted < COUNT_SECONDS:
            return
        self._counted, self._in_force = now, self.known.live(now)
        stale, all_of_them = len(self.known) - self._in_force, len(self.known)
        if stale > max(STALE_SHARE * all_of_them, MOST_STALE) and not self._stale_said:
            self._observer.note("sessions ended unheard of", count=stale, of=all_of_them, remedy=STALE)
            self._stale_said = True
        elif 2 * stale <= STALE_SHARE * all_of_them:
            self._stale_said = False

    def _look(self) -> None:
        """Say once that control has been away for long."""
        self._count()
        if self._is_away() and self.used and not self._away_said:
            self._away_said = True
            self._observer.note("control sends no sessions", remedy=CONTROL_AWAY)

    def _say_back(self) -> None:
        if self._away_said:
            self._away_said = False
            self._observer.note("control sends sessions again", remedy="none: they are known as before")

    def _say_malformed(self, reason: str) -> None:
        """Once until a full state was read."""
        if not self._malformed_said:
            self._malformed_said = True
            self._observer.note("control's stream of sessions is malformed", reason=reason, remedy=MALFORMED)
