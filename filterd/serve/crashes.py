"""The supervisor's defence against packets that crash the resolver.

A packet that crashes the resolver would crash it again after each restart: sent once a second, it would stop
DNS for everybody. So the supervisor shares a board of anonymous memory with the resolver
(:class:`CrashBoard`), which holds a keyed hash of the packet that each thread works on, never the packet.
After a crash the hash is counted, logged and remembered. Several crashes within a minute put the resolver in
reduced mode: it drops the packets that crashed it before, parses only the plain core of a query
(``dataplane/packet/plain.pxd``), and refuses everything else unread. The policy stays the same: orders, lists
and lines hold. Reduced mode ends after a quiet period, without a restart.

A resolver that is stuck at one packet is ended by SIGABRT and counted as a crash. A resolver whose pulse has
stopped (``pulse``) is ended as well, but is counted only if a thread has been at one packet for a while. Only
that packet is blamed, not those that other threads work on at that moment.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from dataclasses import dataclass, field

from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.telemetry import log

FAULTS = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGABRT,
        signal.SIGTRAP,
        signal.SIGSYS,
    }
)
"""signals of a crash; SIGKILL and SIGTERM are sent on purpose"""
WINDOW_SECONDS = 60.0
DEATHS = 3
"""within the window, after which reduced mode begins"""
QUIET_SECONDS = 600.0
"""without a crash, after which reduced mode ends"""
STUCK_SECONDS = 10.0
"""at one packet; normally it takes microseconds"""


def new_board() -> CrashBoard | None:
    """A board with a random key; None, and a line in the log, if the system cannot provide such memory."""
    try:
        return CrashBoard.make(os.urandom(16))
    except OSError as error:
        log.get().error("packets under work cannot be noted", reason=str(error))
        return None


@dataclass(slots=True)
class CrashWatch:
    """Watches one board and applies the policy. Times are seconds of a clock that does not go back."""

    board: CrashBoard
    _deaths: deque[float] = field(default_factory=deque)
    _at_work: dict[bytes, tuple[int, float]] = field(default_factory=dict)
    """hash of a packet under work at the last check -> its number, and since when"""
    _stuck_marks: frozenset[bytes] | None = None
    """the packets at which a resolver that is being ended was stuck; None: it is not being ended"""

    def ended(self, status: int, now: float) -> bool:
        """Note the resolver's exit status (negative: a signal). True: start it at once, in reduced mode."""
        stuck, self._stuck_marks = self._stuck_marks, None
        marks = [mark for _, mark in self.board.under_work() if stuck is None or mark in stuck]
        self.board.wipe()
        self._at_work.clear()
        if -status not in FAULTS or (stuck is not None and not marks):
            return False
        self.board.blame(marks)
        log.get().error("the resolver died of a fault", status=status, packets=[mark.hex() for mark in marks])
        self._deaths.append(now)
        while self._deaths[0] <= now - WINDOW_SECONDS:
            self._deaths.popleft()
        if self.board.reduced or len(self._deaths) < DEATHS:
            return False
        self.board.reduced = True
        log.get().error(
            "reduced mode begins: plain queries alone, until nothing has gone wrong for a while",
            count=len(self._deaths),
            seconds=QUIET_SECONDS,
            remedy="keep the log, look for filterd_crash_packets_total on other nodes, and report the fault",
        )
        return True

    def ending(self, now: float) -> None:
        """Note that the stuck resolver is about to be ended by SIGABRT. To be called after :meth:`check`."""
        self._stuck_marks = frozenset(mark for mark, (_, since) in self._at_work.items() if since < now)

    def check(self, now: float) -> bool:
        """Check once a second: end reduced mode when it is time. True: the resolver is stuck at a packet."""
        if self.board.reduced and now - self._deaths[-1] >= QUIET_SECONDS:
            self.board.reduced = False
            self.board.forgive()
            log.get().warning("reduced mode ends: nothing has gone wrong for a while", seconds=QUIET_SECONDS)
        before, self._at_work = self._at_work, {}
        for begun, mark in self.board.under_work():
            seen = before.get(mark)
            since = seen[1] if seen is not None and seen[0] == begun else now
            self._at_work[mark] = (begun, since)
        return any(now - since >= STUCK_SECONDS for _, since in self._at_work.values())
