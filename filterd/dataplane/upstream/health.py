"""Which upstreams to ask first: those that answer, in the order of the configuration.

A server that failed three times in a row rests: a second, then twice as long each time, half a minute at
most. When its rest ends one question tries it, and it rests again until that one is answered. If all rest,
the one that was to wake first is asked first: there is always somebody to ask.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_TO_REST = 3
FIRST_REST = 1.0
"""seconds"""
LONGEST_REST = 30.0
"""seconds"""


@dataclass(slots=True)
class _Condition:
    failures: int = 0
    """in a row"""
    rests_until: float = 0.0


class Health:
    """The condition of each of ``count`` servers, by index. Times: seconds of a clock that goes forward."""

    def __init__(self, count: int) -> None:
        self._conditions = [_Condition() for _ in range(count)]

    def order(self, now: float) -> list[int]:
        """All servers, in the order in which to ask them."""
        awake = [i for i, c in enumerate(self._conditions) if self._is_awake(c, now)]
        resting = [i for i, c in enumerate(self._conditions) if not self._is_awake(c, now)]
        return awake + sorted(resting, key=lambda i: self._conditions[i].rests_until)

    def asking(self, server: int, now: float) -> None:
        """A question goes to the server: if that is a trial, others stay away until it is over."""
        condition = self._conditions[server]
        if condition.failures >= FAILURES_TO_REST:
            condition.rests_until = now + _rest(condition.failures)

    def answered(self, server: int) -> None:
        """The server answered, whatever it said."""
        condition = self._conditions[server]
        condition.failures = 0
        condition.rests_until = 0.0

    def failed(self, server: int, now: float) -> None:
        """The server gave no answer in time, or could not be reached."""
        condition = self._conditions[server]
        condition.failures += 1
        if condition.failures >= FAILURES_TO_REST:
            condition.rests_until = now + _rest(condition.failures)

    def resting(self, now: float) -> int:
        """How many servers rest."""
        return sum(not self._is_awake(c, now) for c in self._conditions)

    @staticmethod
    def _is_awake(condition: _Condition, now: float) -> bool:
        return condition.failures < FAILURES_TO_REST or condition.rests_until <= now


def _rest(failures: int) -> float:
    """How long a server rests after so many failures in a row."""
    doublings = min(failures - FAILURES_TO_REST, 16)
    return min(FIRST_REST * 2.0**doublings, LONGEST_REST)
