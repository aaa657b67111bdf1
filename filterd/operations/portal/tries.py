"""Limits on tries, in the memory of one process: of one client, of its network, and of all together."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from filterd.operations.portal.refusals import TooManyTriesError

MOST_CLIENTS = 10_000
"""clients that are remembered; the one that tried longest ago is forgotten for another"""
HALF_DAY = 43_200.0
"""seconds for which a network counts at least as one that has tried"""
_BITS = 1 << 24


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


class TriedNetworks:
    """Remembers, for half a day to a day, which networks have tried: one bit for each, 4 MiB in all.

    A keyed hash chooses the bit, so nobody can pick a network that shares the bit of another. After 65,536
    networks have tried, one that has not is taken for one of them with a probability of 0.4 %.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._present, self._before = bytearray(_BITS // 8), bytearray(_BITS // 8)
        self._began = 0.0

    def add(self, network: str, now: float) -> None:
        """Note a network, which counts as one that has tried until it is forgotten."""
        self._turn_over(now)
        at, bit = self._place(network)
        self._present[at] |= bit

    def forget(self, network: str) -> None:
        """Note that what it tried was right."""
        at, bit = self._place(network)
        self._present[at] &= ~bit
        self._before[at] &= ~bit

    def has(self, network: str, now: float) -> bool:
        """Return whether it has tried."""
        self._turn_over(now)
        at, bit = self._place(network)
        return bool((self._present[at] | self._before[at]) & bit)

    def _place(self, network: str) -> tuple[int, int]:
        """The byte and its bit."""
        digest = hashlib.blake2b(network.encode(), key=self._secret, digest_size=8).digest()
        at, bit = divmod(int.from_bytes(digest) % _BITS, 8)
        return at, 1 << bit

    def _turn_over(self, now: float) -> None:
        if not 0 <= now - self._began < HALF_DAY:
            self._began = now
            self._present, self._before = bytearray(_BITS // 8), self._present


class TryLimit:
    """Counts tries of one client, of its network, and of all; those that were right are given back.

    Once the limit of all is used up, only networks that have tried before are refused. Any other network gets
    one try, so that guessers elsewhere cannot lock out everybody.
    """

    def __init__(self, own: TryPace, network: TryPace, every: TryPace, secret: bytes | None = None) -> None:
        """``secret``: 16 random bytes, the key of the hash in :class:`TriedNetworks`; drawn here if None."""
        self._own, self._networks, self._every = Levels(own), Levels(network), Levels(every)
        self._tried = TriedNetworks(secrets.token_bytes(16) if secret is None else secret)

    def take(self, address: str, now: float) -> None:
        """Count a try of a client before it is looked at. Raises TooManyTriesError where it is not."""
        client = client_of(address)
        network = network_of(client)
        wait = max(self._own.wait(client, now), self._networks.wait(network, now))
        of_all = self._every.wait("", now)
        if of_all > 0 and self._tried.has(network, now):
            wait = max(wait, of_all)
        if wait > 0:
            raise TooManyTriesError(wait)
        self._own.count(client)
        self._networks.count(network)
        if of_all == 0:  # one beyond it does not make the others wait longer
            self._every.count("")
        self._tried.add(network, now)

    def give_back(self, address: str) -> None:
        """Count it no more: it was right."""
        client = client_of(address)
        network = network_of(client)
        self._own.count(client, -1)
        self._networks.count(network, -1)
        self._every.count("", -1)
        self._tried.forget(network)


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
