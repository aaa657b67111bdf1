"""Judges whether one thread of the fast path works, by its signs of life between two checks.

An answered self-query is proof. Without one:

1. It is not silent if its sockets lost datagrams while it read from them: a flood fills the queue, and the
   self-query is lost like any other datagram, while the thread is as busy as can be.
2. It is not silent if no self-query could be sent, or none has ever come through (loopback may be filtered),
   as long as the thread goes through its turns: it wakes at least once a second.
3. Otherwise it is silent, and after ``STUCK_SECONDS`` of silence it is stuck.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from filterd.dataplane.listeners.silence import Silence

PERIOD = 1.0
"""seconds between two checks"""
STUCK_SECONDS = 5.0


class Signs(NamedTuple):
    """The signs of life since the last check."""

    asked: bool
    answered: bool
    turned: bool
    """it has polled its sockets"""
    crowded: bool
    """its sockets lost datagrams, and it has read from them"""


@dataclass(slots=True)
class ThreadLiveness:
    """The state of one thread. Times are seconds of a clock that does not go back."""

    heard: bool = False
    """a self-query has come through at least once"""
    lives: bool = False
    """it has given a sign of life since the start"""
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
