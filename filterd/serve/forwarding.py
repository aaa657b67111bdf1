"""Forwards queries to the configured upstreams, and publishes these to native threads; a reload replaces the
upstreams, and questions under way end with the old ones."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from filterd.config.settings import UpstreamSettings
from filterd.dataplane.upstream.forward_types import Question, UpstreamAnswer, UpstreamFailure
from filterd.dataplane.upstream.forwarder import Forwarder, UpstreamStatus
from filterd.dataplane.upstream.health_sharing import TURN, HealthSharing, RoutePublisher
from filterd.dataplane.upstream.peer import Reading, unwatched
from filterd.operations.upstreams import server_of
from filterd.telemetry import log


class QueryToForward(Protocol):
    """The fields of a query to forward; ``plane.Pending`` has them."""

    @property
    def name(self) -> bytes:
        """Lower-cased wire form."""

    @property
    def qtype(self) -> int:
        """The type."""

    @property
    def qclass(self) -> int:
        """The class."""

    @property
    def dnssec_ok(self) -> bool:
        """DO."""

    @property
    def checking_disabled(self) -> bool:
        """CD."""


class Forwarding:
    """One forwarder at a time. Owned by the event loop."""

    def __init__(
        self,
        upstreams: Sequence[UpstreamSettings],
        reading: Reading = unwatched,
        routes: RoutePublisher | None = None,
    ) -> None:
        """``routes`` publishes the upstreams to native threads; None: there are none. Raises ``OSError``
        where the certificates to verify an upstream cannot be read."""
        self._upstreams = tuple(upstreams)
        self._reading = reading
        self._forwarder = _forwarder(upstreams, reading)
        self._routes = routes
        self._sharing = self._share()
        self._next_turn: asyncio.TimerHandle | None = None
        self._before: Counter[tuple[str, str]] = Counter()
        """the counts of forwarders of earlier settings"""
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to probe the upstreams, on the running loop."""
        self._forwarder.start()
        self._turn()

    async def forward(
        self, pending: QueryToForward, waited: float = 0.0, doubted: bool = False
    ) -> UpstreamAnswer | UpstreamFailure:
        """Forward a pending query; ``waited``: seconds that its client has waited already; ``doubted``: over
        TCP."""
        question = Question(
            pending.name, pending.qtype, pending.qclass, pending.dnssec_ok, pending.checking_disabled
        )
        return await self._forwarder.resolve(question, waited, doubted)

    def change(self, upstreams: Sequence[UpstreamSettings]) -> None:
        """Use these upstreams from now on. Without a change nothing is touched; the old ones stay if the new
        ones cannot be used."""
        if tuple(upstreams) == self._upstreams:
            return
        try:
            new = _forwarder(upstreams, self._reading)
        except OSError as error:
            log.get().error("the new upstreams cannot be used, the old ones stay", reason=str(error))
            return
        old, self._forwarder, self._upstreams = self._forwarder, new, tuple(upstreams)
        self._before.update({(name, outcome.value): count for (name, outcome), count in old.counts.items()})
        new.start()
        self._sharing = self._share()
        ending = asyncio.get_running_loop().create_task(old.finish())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def counts(self) -> dict[tuple[str, str], int]:
        """Queries by upstream and outcome since the start."""
        counts = dict(self._forwarder.counts)  # in one step: a scrape comes on another thread
        present = Counter({(name, outcome.value): count for (name, outcome), count in counts.items()})
        if self._routes is not None:
            for name, report in self._routes.reports().items():
                present.update({(name, outcome.value): count for outcome, count in report.outcomes().items()})
        return dict(self._before + present)

    def statuses(self) -> dict[str, UpstreamStatus]:
        """The present state of each upstream, by its name."""
        statuses = self._forwarder.statuses()
        reports = self._routes.reports() if self._routes is not None else {}
        return {
            name: replace(status, outstanding=status.outstanding + reports[name].outstanding)
            if name in reports
            else status
            for name, status in statuses.items()
        }

    async def close(self) -> None:
        """Cancel all questions."""
        if self._next_turn is not None:
            self._next_turn.cancel()
        for ending in self._ending:
            ending.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._forwarder.close()

    def _share(self) -> HealthSharing | None:
        """Publish the present upstreams to native threads, at once and from now on."""
        if self._routes is None:
            return None
        sharing = self._forwarder.share(self._routes)
        sharing.turn()
        return sharing

    def _turn(self) -> None:
        """Exchange news with the threads; the next turn is scheduled first, so that no error ends them."""
        if self._sharing is not None:
            self._next_turn = asyncio.get_running_loop().call_later(TURN, self._turn)
            self._sharing.turn()


def _forwarder(upstreams: Sequence[UpstreamSettings], reading: Reading) -> Forwarder:
    return Forwarder(
        [server_of(each) for each in upstreams],
        clock=time.monotonic,
        bits=random.SystemRandom(),
        note=_note,
        reading=reading,
    )


def _note(event: str, upstream: str, reason: str) -> None:
    log.get().warning(event, upstream=upstream, reason=reason)
