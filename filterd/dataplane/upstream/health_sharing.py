"""Shares the health of the upstreams between both paths: the reports of native threads go to the peers, and
the resulting order of the upstreams goes back to the threads.

Threads ask over plain UDP only. They get the upstreams in their order, up to the first one that rests or is
asked over TLS: a later upstream must not be asked before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from filterd.dataplane.upstream.peer import Peer
from filterd.dataplane.upstream.server_order import order
from filterd.dataplane.upstream.thread_route import RouteReport, ThreadHop

TURN = 0.1
"""seconds between two turns: the age that the threads' order and reports may reach"""


class RoutePublisher(Protocol):
    """The side of the threads, as ``routes.RoutePublisher`` implements it."""

    def publish(self, hops: Sequence[ThreadHop], /) -> None:
        """Set the upstreams that threads ask from now on."""

    def reports(self) -> Mapping[str, RouteReport]:
        """The counts since the start, by the names of the upstreams."""


class HealthSharing:
    """Exchanges reports and order between threads and peers. Owned by the event loop."""

    def __init__(self, peers: Sequence[Peer], routes: RoutePublisher, clock: Callable[[], float]) -> None:
        self._peers = peers
        self._routes = routes
        self._clock = clock
        self._known = dict(routes.reports())

    def turn(self) -> None:
        """Let the peers learn from the reports, and publish the order."""
        reports = self._routes.reports()
        for peer in self._peers:
            name = peer.server.name
            if name in reports:
                peer.learn(self._known.get(name, _NOTHING), reports[name])
        self._known = dict(reports)
        self._routes.publish(self._hops())

    def _hops(self) -> list[ThreadHop]:
        found: list[ThreadHop] = []
        for index in order([peer.condition for peer in self._peers]):
            peer = self._peers[index]
            server, form = peer.server, peer.form(self._clock())
            if server.tls is not None or "%" in server.host:
                break
            if peer.condition.resting:
                break  # if no server is healthy, the slow path knows how long to try
            found.append(
                ThreadHop(
                    server.name,
                    server.host,
                    server.port,
                    server.trusted,
                    form.mixed_case,
                    form.edns,
                    server.outstanding,
                )
            )
        return found


_NOTHING = RouteReport()
