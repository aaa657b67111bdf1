"""The upstreams of the settings, as the slow path asks them; a reload brings others, and old questions
end."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence

from filterd.config.settings import Upstream
from filterd.dataplane.packet import Pending
from filterd.dataplane.upstream.forwarder import Forwarder
from filterd.dataplane.upstream.values import Question, Server, UpstreamAnswer, UpstreamFailure


class Forwarding:
    """One forwarder at a time. Owned by the event loop."""

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        self._forwarder = _forwarder(upstreams)
        self._before: Counter[tuple[str, str]] = Counter()
        """what forwarders of earlier settings counted"""

    async def forward(self, pending: Pending) -> UpstreamAnswer | UpstreamFailure:
        """Ask for the name that is pending."""
        question = Question(
            pending.name, pending.qtype, pending.qclass, pending.dnssec_ok, pending.checking_disabled
        )
        return await self._forwarder.resolve(question)

    def change(self, upstreams: Sequence[Upstream]) -> None:
        """Ask these from now on."""
        old, self._forwarder = self._forwarder, _forwarder(upstreams)
        self._before.update({(name, outcome.value): count for (name, outcome), count in old.counts.items()})

    def counts(self) -> dict[tuple[str, str], int]:
        """Queries by upstream and outcome since the start."""
        counts = dict(self._forwarder.counts)  # at once: a scrape comes on another thread
        present = {(name, outcome.value): count for (name, outcome), count in counts.items()}
        return dict(self._before + Counter(present))

    async def close(self) -> None:
        """Give up what is under way."""
        await self._forwarder.close()


def _forwarder(upstreams: Sequence[Upstream]) -> Forwarder:
    servers = [Server(str(each.address.address), each.address.port, each.trusted) for each in upstreams]
    return Forwarder(servers, clock=time.monotonic, bits=random.SystemRandom())
