"""Limits on tries, in the memory of one process: of one client, and of all together."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from filterd.operations.portal.refusals import TooManyTriesError

MOST_CLIENTS = 10_000
"""clients that are remembered; the one that tried longest ago is forgotten for another"""


@dataclass(frozen=True, slots=True)
class TryPace:
    """So many tries at once, and so many in a second after that."""

    at_once: int
    each_second: float


@dataclass(slots=True)
class _Level:
    """The tries that count still at a time."""

    tries: float = 0.0
    at: float = 0.0

    def wait(self, pace: TryPace, now: float) -> float:
        """Seconds until another one may be made; 0: it may now."""
        self.tries = max(0.0, self.tries - pace.each_second * max(0.0, now - self.at))
        self.at = now
        return max(0.0, (self.tries + 1 - pace.at_once) / pace.each_second)


class TryLimit:
    """Counts tries; those that were right are given back."""

    def __init__(self, own: TryPace, every: TryPace) -> None:
        self._own = own
        self._every = every
        self._all = _Level()
        self._clients: OrderedDict[str, _Level] = OrderedDict()

    def take(self, address: str, now: float) -> None:
        """Count a try of a client before it is looked at. Raises TooManyTriesError where it is not."""
        own = self._of(client_of(address))
        wait = max(own.wait(self._own, now), self._all.wait(self._every, now))
        if wait > 0:
            raise TooManyTriesError(wait)
        own.tries += 1
        self._all.tries += 1

    def give_back(self, address: str) -> None:
        """Count it no more: it was right."""
        for each in (self._of(client_of(address)), self._all):
            each.tries = max(0.0, each.tries - 1)

    def _of(self, client: str) -> _Level:
        found = self._clients.pop(client, None) or _Level()
        self._clients[client] = found
        while len(self._clients) > MOST_CLIENTS:
            self._clients.popitem(last=False)
        return found


def client_of(address: str) -> str:
    """The client that an address counts for: the address itself, or the /64 of one of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)
