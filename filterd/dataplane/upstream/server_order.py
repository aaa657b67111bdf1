"""The order of the upstreams: those that answer, in the order of the configuration; far slower ones later.

A server rests from its first sign of trouble: an ICMP error, or 400 ms in which it answered nobody (one slow
name alone is no sign). Refusals are no sign by themselves, since a client can choose names that are refused:
several in a row make a probe due, whose name no client chooses, and the server rests if that is refused too.
Resting servers are asked after the others. Probes at
growing intervals, and answers to clients' questions, show when a server is back. One that fails again soon
waits longer for its first probe. A server that leads back to ourselves is not asked at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from filterd.dataplane.upstream.latency import Latency

SILENCE = 0.4
"""seconds without any answer after which a server rests; a dead server costs a client no more than this"""
REFUSALS_TO_PROBE = 8
"""in a row; from then on a probe shows whether everything is refused"""
REFUSAL_PROBE = 2.0
"""seconds between two probes, at least, that refusals make due"""
IDLE = 10.0
"""seconds after which an unused server is probed, so that its health and speed are known"""
FIRST_REST = 0.5
"""seconds between the first two probes of a resting server; doubled each time"""
LONGEST_REST = 30.0
"""seconds between two probes"""
RELAPSE = 60.0
"""seconds after coming back within which trouble is a relapse"""
_MUCH_SLOWER = 2.0
_SLOWER_BY = 0.1
"""seconds: a server is asked later if its smoothed latency exceeds twice the best one plus this"""


class Condition:
    """The condition of one server. Times: seconds of a monotonic clock."""

    def __init__(self, now: float) -> None:
        self.latency = Latency()
        self.looping = False
        """its questions come back to us"""
        self.failures = 0
        """in a row: silences, ICMP errors, unanswered probes; above 0 it rests"""
        self.refusals = 0
        """in a row"""
        self.refuses_all = False
        """so does it the probe; then it rests"""
        self.probe_at = now + IDLE
        """when to probe it, unless it answers before"""
        self._refusal_probe_at = float("-inf")
        """when refusals made a probe due last"""
        self._heard_at = float("-inf")
        self._back_at = float("-inf")
        self._relapses = 0

    @property
    def resting(self) -> bool:
        """Return whether other servers are asked first."""
        return self.failures > 0 or self.refuses_all

    def heard(self, now: float, seconds: float) -> bool:
        """Note a reply of any kind after ``seconds``; return whether it ends the rest."""
        self.latency.observe(seconds)
        self._heard_at = max(now, self._heard_at)
        was_resting = self.failures > 0
        self.failures = 0
        if was_resting:
            self._back_at = now
        if not self.resting:
            self.probe_at = now + IDLE
        return was_resting and not self.resting

    def answered(self, now: float) -> bool:
        """Note that a reply was an answer; return whether it ends the rest."""
        was_resting = self.refuses_all
        self.refusals = 0
        self.refuses_all = False
        if not self.resting:
            self.probe_at = now + IDLE
        return was_resting and not self.resting

    def refused(self, now: float) -> bool:
        """Note a refusal; return whether a probe has become due with it."""
        self.refusals += 1
        if self.refusals < REFUSALS_TO_PROBE or self.resting or now < self._refusal_probe_at + REFUSAL_PROBE:
            return False
        self._refusal_probe_at = self.probe_at = now
        return True

    def silent(self, since: float, now: float) -> bool:
        """Note that a question of ``since`` got no reply; return whether the rest begins. A reply to another
        question since then prevents it."""
        return self._heard_at <= since and self.failed(now)

    def failed(self, now: float) -> bool:
        """Note that it is unreachable or silent; return whether the rest begins with it."""
        began = not self.resting
        self.failures += 1
        if self.failures == 1:
            self._relapses = self._relapses + 1 if now - self._back_at < RELAPSE else 0
            self.probe_at = now + (_rest(self._relapses - 1) if self._relapses else 0.0)
        return began

    def probed(self, now: float, unanswered: int, *, heard: bool, refused: bool = False) -> bool:
        """Note the end of a probe; ``unanswered`` probes in a row have had no good answer. Return whether the
        server begins to rest, since it ``refused`` the probe like the questions before."""
        began = refused and not self.resting and self.refusals >= REFUSALS_TO_PROBE
        if began:
            self.refuses_all = True
        if not heard:
            self.failures = max(self.failures, 1)
        self.probe_at = now + (_rest(unanswered - 1) if self.resting and unanswered else IDLE)
        return began


def order(conditions: Sequence[Condition]) -> list[int]:
    """The indexes of the servers in the order to ask them, without those that loop."""
    known = [c.latency.smoothed for c in conditions if not (c.resting or c.looping)]
    best = min((each for each in known if each is not None), default=0.0)
    limit = _MUCH_SLOWER * best + _SLOWER_BY

    def rank(index: int) -> tuple[int, bool]:
        condition = conditions[index]
        if condition.resting:
            return condition.failures + 1, False
        return 0, (condition.latency.smoothed or 0.0) > limit

    return sorted((i for i, c in enumerate(conditions) if not c.looping), key=rank)


def _rest(doublings: int) -> float:
    """Seconds between two probes."""
    return min(FIRST_REST * 2.0 ** min(doublings, 16), LONGEST_REST)
