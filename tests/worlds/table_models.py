"""Plain models of the native tables: the readable statement of what they must do."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def plain(address: bytes) -> IPAddress:
    """The address; one in ::ffff:0:0/96 is IPv4."""
    found = ipaddress.ip_address(address)
    return getattr(found, "ipv4_mapped", None) or found


def network(address: bytes, length: int) -> IPNetwork:
    """The prefix; one inside ::ffff:0:0/96 is IPv4."""
    found = ipaddress.ip_network((address, length))
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    return ipaddress.ip_network((mapped, length - 96)) if mapped is not None and length >= 96 else found


@dataclass(slots=True)
class AddressModel:
    """Prefixes with a value; the longest that covers an address wins."""

    values: dict[IPNetwork, int] = field(default_factory=dict)

    def find(self, address: bytes) -> int | None:
        """The value of the longest prefix that covers the address."""
        wanted = plain(address)
        covering = [net for net in self.values if net.version == wanted.version and wanted in net]
        return self.values[max(covering, key=lambda net: net.prefixlen)] if covering else None
