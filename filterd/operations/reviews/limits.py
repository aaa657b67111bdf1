"""Limits on those who ask without an account: for each client, for its network, and for all together.

The limit of all holds for networks that have asked in this window alone: any other one may ask once, so that
many who ask keep nobody out who has not. Counts are in memory, by a keyed hash, under a key that each window
makes anew. So no address is kept, and nothing of a window can be told from the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from filterd.operations.portal.tries import client_of, network_of

WINDOW = 3_600.0
"""seconds"""
MOST_COUNTED = 200_000
"""clients and networks that are counted in one window, in 40 MB; beyond, a new one waits for the next"""


@dataclass(frozen=True, slots=True)
class AskLimits:
    """Acts in one window."""

    of_one: int
    """by one client: an address of IPv4, a /64 of IPv6"""
    of_network: int
    """by its network: a /24 of IPv4, a /48 of IPv6"""
    of_all: int


ASKING = AskLimits(of_one=5, of_network=20, of_all=200)
LOOKING = AskLimits(of_one=30, of_network=120, of_all=3_000)
"""of folios with their codes, right or wrong: 3,000 tries an hour, and one of each of 100,000 networks, find
no code of 49 bits"""


@dataclass(slots=True)
class NetworkLimits:
    """Counts of one kind of act. ``clock`` gives seconds of a steady clock, ``entropy`` random bytes."""

    limits: AskLimits
    clock: Callable[[], float]
    entropy: Callable[[int], bytes] = field(repr=False)
    _began: float = field(default=0.0, init=False)
    _key: bytes = field(default=b"", init=False, repr=False)
    _counts: dict[bytes, int] = field(default_factory=dict, init=False, repr=False)
    _all: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)
    """acts since the process began"""

    def take(self, address: str) -> bool:
        """Count one act of whoever has this address; False, and nothing counted, where it is one too many."""
        now = self.clock()
        if not self._key or not 0 <= now - self._began < WINDOW:
            self._began, self._key, self._all = now, self.entropy(32), 0
            self._counts.clear()
        named = client_of(address)
        client, network = self._hashed(f"client {named}"), self._hashed(f"network {network_of(named)}")
        if not self._may(self._counts.get(client, 0), self._counts.get(network, 0)):
            self.refused += 1
            return False
        for each in (client, network):
            self._counts[each] = self._counts.get(each, 0) + 1
        self._all += 1
        return True

    def _may(self, of_one: int, of_network: int) -> bool:
        """Return whether there may be one more act, after so many of the client and of its network."""
        if of_one >= self.limits.of_one or of_network >= self.limits.of_network:
            return False
        if not of_one and len(self._counts) >= MOST_COUNTED:
            return False
        return self._all < self.limits.of_all or not of_network

    def _hashed(self, what: str) -> bytes:
        return hashlib.blake2b(what.encode(), key=self._key, digest_size=16).digest()
