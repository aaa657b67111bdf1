"""Asks upstreams: one task per question however many wait, one server after the other until one answers.

What counts as an answer: everything but SERVFAIL, FORMERR, NOTIMP, REFUSED and the extended rcodes. After one
of these the next server is asked; if nobody has better, a SERVFAIL is passed on with its extended errors,
since it says why (a bogus signature, for instance), and the others become a failure.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filterd.dataplane.upstream.health import Health
from filterd.dataplane.upstream.message import (
    Bits,
    Check,
    Sent,
    check,
    is_truncated,
    read_answer,
    write_query,
)
from filterd.dataplane.upstream.network import LoopNetwork, Network
from filterd.dataplane.upstream.values import (
    Outcome,
    Question,
    Reason,
    Server,
    UpstreamAnswer,
    UpstreamFailure,
)

_SERVFAIL = 2
_NOT_ANSWERED = frozenset({1, 4, 5})
"""FORMERR, NOTIMP, REFUSED"""
_FIRST_EXTENDED = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """What forwarding may use; times are seconds."""

    attempt: float = 0.8
    """the wait for one server"""
    deadline: float = 4.0
    """the wait for all of them together"""
    outstanding: int = 4096
    """different questions at one time"""


class Forwarder:
    """Asks the servers for everybody. Owned by one event loop; ``clock`` goes forward, in seconds."""

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        clock: Callable[[], float],
        bits: Bits,
        network: Network | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._servers = tuple(servers)
        self._network: Network = network or LoopNetwork()
        self._limits = limits or Limits()
        self._clock = clock
        self._bits = bits
        self._health = Health(len(self._servers))
        self._pending: dict[Question, asyncio.Task[UpstreamAnswer | UpstreamFailure]] = {}
        self.counts: Counter[tuple[str, Outcome]] = Counter()
        """by server name and outcome"""
        self.coalesced = 0
        """questions that joined one already on its way"""
        self.overloaded = 0
        """questions not asked because too many were outstanding"""

    @property
    def outstanding(self) -> int:
        """Questions on their way."""
        return len(self._pending)

    async def resolve(self, question: Question) -> UpstreamAnswer | UpstreamFailure:
        """The same answer for all who ask the same in the meantime. Cancelling one waiter harms no other."""
        pending = self._pending.get(question)
        if pending is None:
            if len(self._pending) >= self._limits.outstanding:
                self.overloaded += 1
                return UpstreamFailure(Reason.OVERLOADED)
            pending = asyncio.get_running_loop().create_task(self._ask(question))
            self._pending[question] = pending
            pending.add_done_callback(lambda _: self._pending.pop(question, None))
        else:
            self.coalesced += 1
        return await asyncio.shield(pending)

    async def close(self) -> None:
        """Give up all questions; who waits for one is cancelled."""
        tasks = list(self._pending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, question: Question) -> UpstreamAnswer | UpstreamFailure:
        """Go through the servers, again while one may only have been slow, until the deadline."""
        deadline = self._clock() + self._limits.deadline
        servfail: UpstreamAnswer | None = None
        outcomes: set[Outcome] = set()
        retry = True
        while retry:
            retry = False
            for index in self._health.order(self._clock()):
                left = deadline - self._clock()
                if left <= 0:
                    return servfail or _failure(outcomes)
                result = await self._attempt(index, question, min(self._limits.attempt, left))
                if isinstance(result, Outcome):
                    outcomes.add(result)
                    retry = retry or result is Outcome.TIMEOUT
                elif result.rcode == _SERVFAIL:
                    servfail = result
                else:
                    return result
            retry = retry and servfail is None
        return servfail or _failure(outcomes)

    async def _attempt(self, index: int, question: Question, wait: float) -> UpstreamAnswer | Outcome:
        """Ask one server; an Outcome where it had no answer that could be passed on."""
        server = self._servers[index]
        started = self._clock()
        self._health.asking(index, started)
        sent = write_query(question, self._bits)
        reply = await self._udp(server, sent, wait)
        if isinstance(reply, Outcome):
            self._health.failed(index, self._clock())
            return self._count(server, reply)
        self._health.answered(index)
        if is_truncated(reply) or check(reply, sent) is Check.CASE_LOST:
            self._count(server, Outcome.TCP)
            left = max(wait - (self._clock() - started), wait / 2)
            reply = await self._tcp(server, sent, left)
        return self._read(server, reply)

    async def _udp(self, server: Server, sent: Sent, wait: float) -> bytes | Outcome:
        """Exchange over UDP, counting and ignoring what is not ours."""

        def accept(datagram: bytes, source: tuple[str, int]) -> bool:
            if source != server.address:
                self._count(server, Outcome.WRONG_SOURCE)
                return False
            found = check(datagram, sent)
            if found in _IGNORED:
                self._count(server, _IGNORED[found])
                return False
            return True

        return await self._network.udp(server, sent.packet, accept, wait)

    async def _tcp(self, server: Server, sent: Sent, wait: float) -> bytes | Outcome:
        """Exchange over TCP, where a handshake stands for the proof that the letter case gives over UDP."""
        reply = await self._network.tcp(server, sent.packet, wait)
        if isinstance(reply, Outcome):
            return reply
        return _IGNORED.get(check(reply, sent), reply)

    def _read(self, server: Server, reply: bytes | Outcome) -> UpstreamAnswer | Outcome:
        """What the reply says, counted."""
        if isinstance(reply, Outcome):
            return self._count(server, reply)
        answer = read_answer(reply, server)
        if answer is None or is_truncated(reply):
            return self._count(server, Outcome.MALFORMED)
        if answer.rcode in _NOT_ANSWERED or answer.rcode >= _FIRST_EXTENDED:
            return self._count(server, Outcome.REFUSED)
        self._count(server, Outcome.SERVFAIL if answer.rcode == _SERVFAIL else Outcome.ANSWERED)
        return answer

    def _count(self, server: Server, outcome: Outcome) -> Outcome:
        self.counts[server.name, outcome] += 1
        return outcome


_IGNORED = {Check.WRONG_ID: Outcome.WRONG_ID, Check.WRONG_QUESTION: Outcome.WRONG_QUESTION}


def _failure(outcomes: set[Outcome]) -> UpstreamFailure:
    """The failure that stands for what the servers did."""
    if outcomes == {Outcome.UNREACHABLE}:
        return UpstreamFailure(Reason.UNREACHABLE)
    return UpstreamFailure(Reason.NO_ANSWER)
