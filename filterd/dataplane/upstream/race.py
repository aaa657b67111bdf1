"""The race for one question: it is asked of one server after the other until the first good answer.

    the first server                       by health
    + its 95th percentile of latency       the next healthy one too, while the budget lasts
    + 400 ms, or a failure                 the next one whatever its health
    all of them asked                      the silent ones again, after 0.4, 0.4, 0.8, 0.8, 1.6 ... seconds
    4 s                                    the end

A good answer has records, or says that there are none (NOERROR, NXDOMAIN, YXDOMAIN). After SERVFAIL, another
rcode, a referral to other servers, or a denial that has records all the same, the next server is asked. If no
server does better, a SERVFAIL is passed on with its extended errors, since they give the reason (a bogus
signature, for instance); the others become a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, zip_longest

from filterd.dataplane.upstream.forward_types import (
    FailureReason,
    ForwardOutcome,
    Question,
    UpstreamAnswer,
    UpstreamFailure,
)
from filterd.dataplane.upstream.peer import Attempt, Peer
from filterd.dataplane.upstream.server_order import SILENCE, order

HEDGE_SHARE = 0.1
"""hedges that each question earns: enough for the slowest twentieth, and as many again"""
HEDGE_BURST = 16.0
"""hedges that may be saved up"""
_SERVFAIL = 2
_LINGER = SILENCE + 0.05
"""seconds that an attempt goes on when it is no longer needed: long enough to notice the server's silence"""
_SHORTEST_WAIT = 0.01
"""seconds: with less time left no server is asked"""


@dataclass(frozen=True, slots=True)
class RaceLimits:
    """The limits of forwarding; times are seconds."""

    patience: float = SILENCE
    """the wait for one server before the next is asked as well"""
    deadline: float = 4.0
    """the wait for all servers together; the client's wait before it counts, but only up to half of this"""
    outstanding: int = 4096
    """the most different questions at one time"""


class HedgeBudget:
    """A token bucket that questions fill and hedges empty, so that a slow upstream's load does not double."""

    def __init__(self) -> None:
        self._left = HEDGE_BURST

    def earn(self) -> None:
        """Earn for one question that was asked."""
        self._left = min(self._left + HEDGE_SHARE, HEDGE_BURST)

    def take(self) -> bool:
        """Take one hedge; return whether there was one."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Race:
    """Asks the peers one question. ``lingering`` keeps the attempts that lost until they end. ``waited``:
    seconds that a client has spent on the question before, for example on a thread of the fast path.
    ``doubted``: replies to it nearly matched; the first server is asked over TCP."""

    def __init__(
        self,
        question: Question,
        peers: Sequence[Peer],
        budget: HedgeBudget,
        clock: Callable[[], float],
        limits: RaceLimits,
        lingering: set[Attempt],
        waited: float = 0.0,
        doubted: bool = False,
    ) -> None:
        self._doubted = doubted
        self._surely: Peer | None = None
        """the server that is asked over TCP since the question is doubted"""
        self._question = question
        self._peers = peers
        self._budget = budget
        self._clock = clock
        self._limits = limits
        self._lingering = lingering
        self._deadline = clock() + limits.deadline - min(waited, limits.deadline / 2)
        self._running: dict[Attempt, tuple[Peer, float]] = {}
        self._settled: set[Peer] = set()
        """peers whose result is known"""
        self._outcomes: set[ForwardOutcome] = set()
        self._servfail: UpstreamAnswer | None = None

    async def run(self) -> UpstreamAnswer | UpstreamFailure:
        """Run the race; return the answer, or the reason why there is none."""
        try:
            for turn in count():
                patience = self._limits.patience * 2.0 ** (turn // 2)
                answer = await self._turn(patience)
                if answer is not None:
                    return answer
                if self._servfail is not None:
                    return await self._await_answer(self._clock() + patience) or self._servfail
                if not self._running or self._time_left() < _SHORTEST_WAIT:
                    break
            return self._failure()
        finally:
            self._let_linger()

    async def _turn(self, patience: float) -> UpstreamAnswer | None:
        """Ask each server that has not given its result yet."""
        waiting = [self._peers[index] for index in order([peer.condition for peer in self._peers])]
        waiting = [peer for peer in waiting if peer not in self._settled and not peer.full]
        if not waiting:  # no server is left to ask, but an earlier attempt may still be answered
            return await self._await_answer(self._deadline)
        for peer, following in zip_longest(waiting, waiting[1:]):
            if self._time_left() < _SHORTEST_WAIT:
                break
            self._start(peer)
            answer = await self._wait(peer, following, patience)
            if answer is not None:
                return answer
        return None

    async def _wait(self, peer: Peer, following: Peer | None, patience: float) -> UpstreamAnswer | None:
        """Wait until the following server may be asked; return the answer if that comes first."""
        until = self._clock() + patience
        if following is not None and not following.condition.resting:
            hedge = peer.condition.latency.hedge_after()
            answer = await self._await_answer(min(self._clock() + hedge, until))
            if answer is not None or not self._running:
                return answer
            if self._clock() < until and self._budget.take():
                following.count(ForwardOutcome.HEDGE)
                return None
        return await self._await_answer(until)

    def _start(self, peer: Peer) -> None:
        if self._doubted and self._surely is None:
            self._surely = peer
        task = peer.ask(self._question, self._time_left(), doubted=peer is self._surely)
        self._running[task] = (peer, self._clock())

    async def _await_answer(self, until: float) -> UpstreamAnswer | None:
        """The first good answer before ``until``; None, perhaps early, if no attempt can bring one."""
        until = min(until, self._deadline)
        while self._running:
            done, _ = await asyncio.wait(
                self._running, timeout=max(until - self._clock(), 0.0), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return None
            for task in done:
                answer = self._take(task)
                if answer is not None:
                    return answer
        return None

    def _take(self, task: Attempt) -> UpstreamAnswer | None:
        """Note the result of an attempt; return it if it is a good answer."""
        peer, _ = self._running.pop(task)
        result = task.result()
        if isinstance(result, UpstreamAnswer) and result.rcode != _SERVFAIL:
            return result
        self._settled.add(peer)
        if isinstance(result, ForwardOutcome):
            self._outcomes.add(result)
        else:
            self._servfail = result
        return None

    def _time_left(self) -> float:
        return self._deadline - self._clock()

    def _failure(self) -> UpstreamFailure:
        """The failure that sums up the outcomes of all servers."""
        if all(peer.condition.looping for peer in self._peers):
            return UpstreamFailure(FailureReason.LOOP)
        if not self._running and not self._outcomes:
            return UpstreamFailure(FailureReason.OVERLOADED)
        if not self._running and self._outcomes <= {ForwardOutcome.UNREACHABLE, ForwardOutcome.UNTRUSTED}:
            return UpstreamFailure(FailureReason.UNREACHABLE)
        return UpstreamFailure(FailureReason.NO_ANSWER)

    def _let_linger(self) -> None:
        """Let the other attempts go on until silence would be noted: their answers show the latency."""
        loop, now = asyncio.get_running_loop(), self._clock()
        for task, (_, started) in self._running.items():
            self._lingering.add(task)
            task.add_done_callback(self._lingering.discard)
            left = started + _LINGER - now
            if left > 0:
                loop.call_later(left, task.cancel)
            else:
                task.cancel()
