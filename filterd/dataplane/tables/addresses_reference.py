"""The plain model of the tables of addresses: prefixes with a value, the longest that covers an address wins.

IPv4 and IPv6 are apart; an address in ::ffff:0:0/96 is IPv4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


def plain(address: bytes) -> IPAddress:
    """The address, of 4 or 16 bytes; one in ::ffff:0:0/96 is IPv4."""
    found = ip_address(address)
    return (found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found


def network(address: bytes, length: int) -> IPNetwork:
    """The prefix; one inside ::ffff:0:0/96 is IPv4."""
    found = ip_network((address, length))
    mapped = found.network_address.ipv4_mapped if isinstance(found, IPv6Network) else None
    return found if mapped is None or length < 96 else ip_network((mapped, length - 96))


@dataclass(slots=True)
class ReferenceAddresses:
    """Prefixes, each with a number."""

    values: dict[IPNetwork, int] = field(default_factory=dict)
    until: dict[IPNetwork, int] = field(default_factory=dict)
    """the seconds of a clock at which a prefix ends; what does not stand here has no end"""

    @classmethod
    def of(cls, prefixes: Iterable[str]) -> ReferenceAddresses:
        """A set of prefixes: each has the number of its place."""
        return cls({ip_network(text): place for place, text in enumerate(prefixes)})

    def find(self, address: bytes, ticks: int = 0) -> int | None:
        """The number of the longest prefix that covers the address and has not ended; None: none does."""
        wanted = plain(address)
        lasting = [net for net in self.values if net not in self.until or ticks < self.until[net]]
        covering = [net for net in lasting if net.version == wanted.version and wanted in net]
        return self.values[max(covering, key=lambda net: net.prefixlen)] if covering else None

    def __contains__(self, address: bytes) -> bool:
        return self.find(address) is not None
