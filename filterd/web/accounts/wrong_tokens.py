"""Wrong tokens at a desk's sign-in, counted by the network that they come from.

A token is 32 random bytes, which nobody guesses; the count keeps guessers from filling the store's readers.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import ip_address, ip_network

FREE = 5
"""wrong tokens before the first wait"""
FIRST_WAIT, LONGEST_WAIT = 5.0, 900.0
"""seconds; each wrong token doubles the wait"""
FORGET_SECONDS = 3_600.0
MOST_NETWORKS = 4_096
_V6_BITS = 64
"""of an IPv6 address that one household or office has for itself"""


class WrongTokens:
    """How often each network was wrong, and until when it must wait."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """network -> wrong ones, when the last one came"""

    def wait(self, address: str, now: float) -> float:
        """Seconds to wait before this address may try again; 0: none."""
        count, at = self._wrong.get(_network(address), (0, 0.0))
        if count < FREE or now - at > FORGET_SECONDS:
            return 0.0
        wait = min(FIRST_WAIT * 2.0 ** (count - FREE), LONGEST_WAIT)
        return max(at + wait - now, 0.0)

    def count(self, address: str, now: float) -> int:
        """Count a wrong one: how many there are of this network."""
        network = _network(address)
        count, at = self._wrong.pop(network, (0, 0.0))
        count = 1 if now - at > FORGET_SECONDS else min(count + 1, 64)
        while len(self._wrong) >= MOST_NETWORKS:
            self._wrong.popitem(last=False)
        self._wrong[network] = (count, now)
        return count

    def forget(self, address: str) -> None:
        """Forget a network: it was right."""
        self._wrong.pop(_network(address), None)


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found) if found.version == 4 else str(ip_network((found, _V6_BITS), strict=False))
