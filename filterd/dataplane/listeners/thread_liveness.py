"""Whether one thread of the fast path lives, by what was seen of it between two looks.

A self-query that was answered is the proof. Without one:

1. it is no silence where datagrams were lost before a socket that the thread does read: a flood fills the
   socket's queue, the self-query is lost like any other, and the thread has never been busier;
2. it is no silence where nobody could ask, or where no self-query has ever come through (loopback may be
   filtered), as long as the thread goes through its turns: it wakes each second at the least;
3. all else is silence, and after ``STUCK_SECONDS`` of it the thread is stuck.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from filterd.dataplane.listeners.silence import Silence

PERIOD = 1.0
"""seconds between two looks"""
STUCK_SECONDS = 5.0


class Signs(NamedTuple):
    """Seen since the last look."""

    asked: bool
    answered: bool
    turned: bool
    """it has looked at its sockets"""
    crowded: bool
    """datagrams were lost before its sockets, and it has read from them"""


@dataclass(slots=True)
class ThreadLiveness:
    """One thread. Times are seconds of a clock that does not go back."""

    heard: bool = False
    """a self-query came through once"""
    lives: bool = False
    """there was some sign of life since the start"""
    stuck: bool = False
    _silence: Silence = field(default_factory=lambda: Silence(PERIOD))

    def judge(self, signs: Signs, now: float) -> None:
        """Judge anew."""
        self.heard = self.heard or signs.answered
        turns = signs.turned and not (signs.asked and self.heard)
        if signs.answered or signs.crowded or turns:
            self.lives = True
            self._silence.advance(now)
            self._silence.heard()
        else:
            self._silence.advance(now)
        self.stuck = self._silence.seconds >= STUCK_SECONDS
