"""What the supervisor does about a resolver that dies of what it is sent.

A packet that makes the resolver fault would do so again after each restart, and whoever sends it once a
second would stop DNS for all. So the supervisor shares a board of anonymous memory with it
(:class:`CrashBoard`), on which stands the keyed hash of what each thread works on, and never the packet.
After a death by a fault the hash is counted, logged and remembered. Several deaths soon after one another
put the resolver in reduced mode: it drops what killed it before, and gives the parser only the plain core
of a query (``dataplane/packet/plain.pxd``); everything else is refused unread. The policy is the same:
orders, lists and lines hold. A quiet while ends it, without a restart.

A resolver that stays at one packet is as good as dead: it is ended by SIGABRT, and counted the same. So is
one whose pulse has stopped (``pulse``), but counted only where a thread has been at one packet for a while,
and that packet alone is blamed: what other threads work on at that moment is innocent.
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
"""signals that a process brings upon itself; SIGKILL and SIGTERM are somebody's wish"""
WINDOW_SECONDS = 60.0
DEATHS = 3
"""within the window: from then on in reduced mode"""
QUIET_SECONDS = 600.0
"""without a death by a fault, after which reduced mode ends"""
STUCK_SECONDS = 10.0
"""at one packet, which takes microseconds"""


def new_board() -> CrashBoard | None:
    """A board with a random key; None, and a line in the log, where the system has no such memory."""
    try:
        return CrashBoard.make(os.urandom(16))
    except OSError as error:
        log.get().error("packets under work cannot be noted", reason=str(error))
        return None


@dataclass(slots=True)
class CrashWatch:
    """The policy over one board. Times are seconds of a clock that does not go back."""

    board: CrashBoard
    _deaths: deque[float] = field(default_factory=deque)
    _at_work: dict[bytes, tuple[int, float]] = field(default_factory=dict)
    """what was under work at the last look -> which one that was, and since when"""
    _stuck_marks: frozenset[bytes] | None = None
    """of a resolver that is being ended: what it has been at for more than one look; None: it is not"""

    def ended(self, status: int, now: float) -> bool:
        """The resolver ended with that status (negative: by a signal). True where it is to start at once, in
        reduced mode."""
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
        """The resolver is about to be ended by SIGABRT, since it is stuck. After the look at that time."""
        self._stuck_marks = frozenset(mark for mark, (_, since) in self._at_work.items() if since < now)

    def check(self, now: float) -> bool:
        """Once a second: ends reduced mode when it is time. True where the resolver is stuck at a packet."""
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
