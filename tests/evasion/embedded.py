"""An IPv4 address inside an IPv6 address, in the forms by which one reaches the other."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

from tests.evasion.names import ADDRESS

_IPV4 = IPv4Address(ADDRESS).packed


def translated(prefix: str) -> str:
    """The ordered address behind a NAT64 prefix (RFC 6052 §2.2): octet 8 stays zero."""
    network = IPv6Network(prefix)
    octets = list(network.network_address.packed)
    places = [place for place in range(network.prefixlen // 8, 16) if place != 8]
    for place, octet in zip(places, _IPV4, strict=False):
        octets[place] = octet
    return str(IPv6Address(bytes(octets)))


FORMS = {
    "mapped": IPv6Address(bytes(10) + b"\xff\xff" + _IPV4),
    "nat64": IPv6Address(translated("64:ff9b::/96")),
    "6to4": IPv6Address(b"\x20\x02" + _IPV4 + bytes(9) + b"\1"),
    "compatible": IPv6Address(bytes(12) + _IPV4),
    "teredo": IPv6Address(
        bytes.fromhex("20010000 c0000201 8000 eccd") + bytes(octet ^ 0xFF for octet in _IPV4)
    ),
    "translated-by-siit": IPv6Address(bytes(8) + b"\xff\xff\0\0" + _IPV4),
}
"""those that need no configuration"""
