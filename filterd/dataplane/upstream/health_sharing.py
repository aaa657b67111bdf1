"""One health for both paths: what native threads find out of the upstreams goes to the peers, and the order
that follows from it goes back to the threads.

Threads ask over plain UDP alone. They are shown the upstreams in the order to ask, up to the first that
rests, or is asked over TLS: what comes behind it is not to be asked before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from filterd.dataplane.upstream.health import order
from filterd.dataplane.upstream.peer import Peer
from filterd.dataplane.upstream.thread_route import RouteReport, ThreadHop

TURN = 0.1
"""seconds between two turns: how old the threads' order, and the health's news of them, may be"""


class RoutePublisher(Protocol):
    """The threads' side; ``routes.RoutePublisher`` has it."""

    def publish(self, hops: Sequence[ThreadHop], /) -> None:
        """Whom to ask from now on."""

    def reports(self) -> Mapping[str, RouteReport]:
        """What was counted since the start, by the upstreams' names."""


class HealthSharing:
    """Carries news between threads and peers. Owned by the event loop."""

    def __init__(self, peers: Sequence[Peer], routes: RoutePublisher, clock: Callable[[], float]) -> None:
        self._peers = peers
        self._routes = routes
        self._clock = clock
        self._known = dict(routes.reports())

    def turn(self) -> None:
        """Learn, and show."""
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
                break  # where nobody is well, the slow path knows how long to try
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
