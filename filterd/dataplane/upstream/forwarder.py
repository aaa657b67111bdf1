"""Asks upstreams: one task for each question, however many wait for it, and a race among the servers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filterd.dataplane.upstream.forward_types import (
    FailureReason,
    ForwardOutcome,
    Question,
    Server,
    UpstreamAnswer,
    UpstreamFailure,
)
from filterd.dataplane.upstream.health_sharing import HealthSharing, RoutePublisher
from filterd.dataplane.upstream.message import Bits
from filterd.dataplane.upstream.network import LoopNetwork, Network
from filterd.dataplane.upstream.peer import Attempt, Note, Peer, PeerContext, Reading, unwatched
from filterd.dataplane.upstream.probes import Probes
from filterd.dataplane.upstream.race import HedgeBudget, Race, RaceLimits


@dataclass(frozen=True, slots=True)
class UpstreamStatus:
    """The state of one server that metrics show."""

    up: bool
    """it does not rest: it is among the first to be asked"""
    looping: bool
    latency: float
    """smoothed, in seconds; 0: it has never answered"""
    outstanding: int


class Forwarder:
    """Asks the servers for all clients. Owned by one event loop; ``clock`` goes forward, in seconds."""

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        clock: Callable[[], float],
        bits: Bits,
        network: Network | None = None,
        limits: RaceLimits | None = None,
        note: Note = lambda event, upstream, reason: None,
        reading: Reading = unwatched,
    ) -> None:
        self._network: Network = network or LoopNetwork()
        self._limits = limits or RaceLimits()
        self._clock = clock
        self.counts: Counter[tuple[str, ForwardOutcome]] = Counter()
        """by server name and outcome"""
        context = PeerContext(
            self._network, clock, bits, note, self._troubled, self._probe_soon, self.counts, reading
        )
        self._peers = [Peer(server, context) for server in servers]
        self._probes = Probes(self._peers, clock, bits)
        self._probing: asyncio.Task[None] | None = None
        self._budget = HedgeBudget()
        self._pending: dict[Question, asyncio.Task[UpstreamAnswer | UpstreamFailure]] = {}
        self._lingering: set[Attempt] = set()
        self.coalesced = 0
        """questions that joined one under way"""
        self.overloaded = 0
        """questions not asked because too many were outstanding"""

    @property
    def outstanding(self) -> int:
        """The number of questions under way."""
        return len(self._pending)

    def start(self) -> None:
        """Begin to probe servers and to check for loops, on the running loop."""
        self._probing = asyncio.get_running_loop().create_task(self._probes.run())

    def share(self, routes: RoutePublisher) -> HealthSharing:
        """Share the health of these servers with native threads from now on."""
        return HealthSharing(self._peers, routes, self._clock)

    def statuses(self) -> dict[str, UpstreamStatus]:
        """Each server by its name."""
        return {
            peer.server.name: UpstreamStatus(
                up=not (peer.condition.resting or peer.condition.looping),
                looping=peer.condition.looping,
                latency=peer.condition.latency.smoothed or 0.0,
                outstanding=peer.outstanding,
            )
            for peer in self._peers
        }

    async def resolve(
        self, question: Question, waited: float = 0.0, doubted: bool = False
    ) -> UpstreamAnswer | UpstreamFailure:
        """Answer a question; callers that ask the same meanwhile share the answer. Cancelling one harms no
        other.

        ``waited``: seconds that the first caller has spent on the question before. ``doubted``: replies to it
        nearly matched, so that the first server is asked over TCP.
        """
        if self._probes.returned(question.name):
            return UpstreamFailure(FailureReason.LOOP)
        pending = self._pending.get(question)
        if pending is None:
            if len(self._pending) >= self._limits.outstanding:
                self.overloaded += 1
                return UpstreamFailure(FailureReason.OVERLOADED)
            pending = asyncio.get_running_loop().create_task(self._ask(question, waited, doubted))
            self._pending[question] = pending
            pending.add_done_callback(lambda _: self._pending.pop(question, None))
        else:
            self.coalesced += 1
        return await asyncio.shield(pending)

    async def finish(self) -> None:
        """Wait for the questions under way, and close."""
        await asyncio.gather(*self._pending.values(), return_exceptions=True)
        await self.close()

    async def close(self) -> None:
        """Cancel all questions and those who wait for them."""
        await _end([*self._pending.values(), *([self._probing] if self._probing else [])])
        await _end([*self._lingering])
        await self._network.close()

    async def _ask(
        self, question: Question, waited: float, doubted: bool
    ) -> UpstreamAnswer | UpstreamFailure:
        self._budget.earn()
        race = Race(
            question, self._peers, self._budget, self._clock, self._limits, self._lingering, waited, doubted
        )
        return await race.run()

    def _probe_soon(self) -> None:
        self._probes.wake()

    def _troubled(self, name: str) -> None:
        self._probes.troubled(name)


async def _end(tasks: Sequence[asyncio.Task[object]]) -> None:
    """Cancel the tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
