"""Limits on tries, in the memory of one process: of one client, of its network, and of all together."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

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


class Levels:
    """Levels at one pace, each by its key; of more than can be remembered the oldest is forgotten."""

    def __init__(self, pace: TryPace) -> None:
        self._pace = pace
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def take(self, key: str, now: float) -> None:
        """Count one more. Raises TooManyTriesError where it may not be made yet; it is not counted then."""
        wait = self.wait(key, now)
        if wait > 0:
            raise TooManyTriesError(wait)
        self.count(key)

    def wait(self, key: str, now: float) -> float:
        """Seconds until another one may be made; 0: it may now."""
        return self._of(key).wait(self._pace, now)

    def count(self, key: str, times: int = 1) -> None:
        """Count one more, or one less."""
        found = self._of(key)
        found.tries = max(0.0, found.tries + times)

    def _of(self, key: str) -> _Level:
        found = self._levels.pop(key, None) or _Level()
        self._levels[key] = found
        while len(self._levels) > MOST_CLIENTS:
            self._levels.popitem(last=False)
        return found


class TryLimit:
    """Counts tries of one client, of its network, and of all; those that were right are given back."""

    def __init__(self, own: TryPace, network: TryPace, every: TryPace) -> None:
        self._levels = Levels(own), Levels(network), Levels(every)

    def take(self, address: str, now: float) -> None:
        """Count a try of a client before it is looked at. Raises TooManyTriesError where it is not."""
        each = _keys(address)
        wait = max(levels.wait(key, now) for levels, key in zip(self._levels, each, strict=True))
        if wait > 0:
            raise TooManyTriesError(wait)
        self._count(each, 1)

    def give_back(self, address: str) -> None:
        """Count it no more: it was right."""
        self._count(_keys(address), -1)

    def _count(self, keys: tuple[str, ...], times: int) -> None:
        for levels, key in zip(self._levels, keys, strict=True):
            levels.count(key, times)


def _keys(address: str) -> tuple[str, ...]:
    client = client_of(address)
    return client, network_of(client), ""


def client_of(address: str) -> str:
    """The client that an address counts for: the address itself, or the /64 of one of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)


def network_of(client: str) -> str:
    """The network of a client that one customer or provider may have whole: the /48 of IPv6 (RFC 6177), the
    /24 of IPv4."""
    if not client:
        return ""
    size = 48 if ":" in client else 24
    return str(ip_network(f"{client}/{size}", strict=False))
