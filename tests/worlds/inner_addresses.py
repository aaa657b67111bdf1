"""Every form in which an IPv6 address holds one of IPv4, written from the standards and not from the code."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network

WELL_KNOWN = IPv6Network("64:ff9b::/96")
EXAMPLES = {
    IPv6Network("2001:db8::/32"): "2001:db8:c000:221::",
    IPv6Network("2001:db8:100::/40"): "2001:db8:1c0:2:21::",
    IPv6Network("2001:db8:122::/48"): "2001:db8:122:c000:2:2100::",
    IPv6Network("2001:db8:122:300::/56"): "2001:db8:122:3c0:0:221::",
    IPv6Network("2001:db8:122:344::/64"): "2001:db8:122:344:c0:2:2100::",
    IPv6Network("2001:db8:122:344::/96"): "2001:db8:122:344::192.0.2.33",
    WELL_KNOWN: "64:ff9b::192.0.2.33",
}
"""prefix of a translator -> 192.0.2.33 behind it: the table of RFC 6052, 2.4"""
LOCAL_USE = IPv6Network("64:ff9b:1::/48")
"""RFC 8215"""

Form = Callable[[IPv4Address], IPv6Address]


def _among(pattern: str) -> Form:
    """The form of a pattern of 16 octets in hexadecimal, with AA, BB, CC and DD where the address stands."""

    def outer(inner: IPv4Address) -> IPv6Address:
        octets = dict(zip(("AA", "BB", "CC", "DD"), inner.packed, strict=True))
        return IPv6Address(
            bytes(octets[each] if each in octets else int(each, 16) for each in pattern.split())
        )

    return outer


def _teredo(inner: IPv4Address) -> IPv6Address:
    """RFC 4380, 4: the prefix, the server's address, flags, port and address of the client inverted."""
    inverted = bytes(octet ^ 0xFF for octet in inner.packed)
    return IPv6Address(b"\x20\x01\0\0" + bytes([203, 0, 113, 9, 0, 0, 0xEE, 0xDD]) + inverted)


BUILT_IN: dict[str, Form] = {
    "mapped": _among("0 0 0 0 0 0 0 0 0 0 ff ff AA BB CC DD"),
    "translated": _among("0 0 0 0 0 0 0 0 ff ff 0 0 AA BB CC DD"),
    "compatible": _among("0 0 0 0 0 0 0 0 0 0 0 0 AA BB CC DD"),
    "6to4": _among("20 02 AA BB CC DD 0 1 0 0 0 0 0 0 0 5"),
    "teredo": _teredo,
    "nat64": _among("0 64 ff 9b 0 0 0 0 0 0 0 0 AA BB CC DD"),
}
"""forms that need no setting"""
CONFIGURED: dict[IPv6Network, Form] = {
    IPv6Network("2001:db8::/32"): _among("20 01 0d b8 AA BB CC DD 0 0 0 0 0 0 0 0"),
    IPv6Network("2001:db8:100::/40"): _among("20 01 0d b8 01 AA BB CC 0 DD 0 0 0 0 0 0"),
    IPv6Network("2001:db8:122::/48"): _among("20 01 0d b8 01 22 AA BB 0 CC DD 0 0 0 0 0"),
    IPv6Network("2001:db8:122:300::/56"): _among("20 01 0d b8 01 22 03 AA 0 BB CC DD 0 0 0 0"),
    IPv6Network("2001:db8:122:344::/64"): _among("20 01 0d b8 01 22 03 44 0 AA BB CC DD 0 0 0"),
    IPv6Network("2001:db8:122:344::/96"): _among("20 01 0d b8 01 22 03 44 0 0 0 0 AA BB CC DD"),
    LOCAL_USE: _among("0 64 ff 9b 0 1 AA BB 0 CC DD 0 0 0 0 0"),
}
"""forms behind a configured prefix; the first ones contain those after them"""
RESERVED_OCTET = 8


def outer_addresses(inner: str) -> list[str]:
    """The IPv4 address in all of these forms, one of them with a reserved octet that is not zero."""
    address = IPv4Address(inner)
    found = [form(address) for form in (*BUILT_IN.values(), *CONFIGURED.values())]
    packed = bytearray(CONFIGURED[LOCAL_USE](address).packed)
    packed[RESERVED_OCTET] = 0x5A
    return [str(each) for each in (*found, IPv6Address(bytes(packed)))]
