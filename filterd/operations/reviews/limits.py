"""Limits on those who ask without an account: for each network, and for all together.

Counts are in memory, by a keyed hash of the network, under a key that each window makes anew. So no address
is kept, and nothing of a window can be told from the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

WINDOW = 3_600.0
"""seconds"""
_NETWORKS = {4: 32, 6: 48}
"""bits: one address of IPv4, which a household shares; one site of IPv6"""


@dataclass(frozen=True, slots=True)
class AskLimits:
    """Acts in one window."""

    of_one: int
    """by one network"""
    of_all: int


ASKING = AskLimits(of_one=5, of_all=200)
LOOKING = AskLimits(of_one=30, of_all=3_000)
"""of folios with their codes, right or wrong: 3,000 tries an hour find no code of 49 bits"""


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
        network = hashlib.blake2b(_network(address).encode(), key=self._key, digest_size=16).digest()
        count = self._counts.get(network, 0)
        if count >= self.limits.of_one or self._all >= self.limits.of_all:
            self.refused += 1
            return False
        self._counts[network] = count + 1
        self._all += 1
        return True


def _network(address: str) -> str:
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ip_network((found, _NETWORKS[found.version]), strict=False))
