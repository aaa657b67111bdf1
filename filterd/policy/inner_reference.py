"""The IPv4 address inside one of IPv6, in plain Python: the reference of ``inner``.

A client that connects to the outer address arrives at the inner one, so rules on either count. The first form
that fits is taken:

1.  a NAT64 prefix of the state (RFC 6052, 2.2), the longest first; the reserved octet 8 is passed over,
    whatever it holds, as translators do;
2.  6to4, ``2002::/16`` (RFC 3056, 2);
3.  Teredo, ``2001::/32`` (RFC 4380, 4): the client's address, which stands there with its bits inverted. The
    server's is not taken: it only helps to make contact;
4.  IPv4-mapped, ``::ffff:0:0/96`` (RFC 4291, 2.5.5.2);
5.  IPv4-translated, ``::ffff:0:0:0/96`` (RFC 2765, 2.1);
6.  IPv4-compatible, ``::/96`` (RFC 4291, 2.5.5.1), but for ``::`` and ``::1``.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Network

_RESERVED = 8
_SIX_TO_FOUR = b"\x20\x02"
_TEREDO = b"\x20\x01\0\0"
_MAPPED = bytes(10) + b"\xff\xff"
_TRANSLATED = bytes(8) + b"\xff\xff\0\0"
_COMPATIBLE = bytes(12)
_NOT_INSIDE = (bytes(4), b"\0\0\0\1")


def inner_address(address: bytes, nat64: Iterable[IPv6Network]) -> bytes | None:
    """The IPv4 address (4 bytes) inside an address of 16 bytes; None where it holds none."""
    for prefix in sorted(nat64, key=lambda each: each.prefixlen, reverse=True):
        octets = prefix.prefixlen // 8
        if address.startswith(prefix.network_address.packed[:octets]):
            places = [place for place in range(octets, 16) if place != _RESERVED]
            return bytes(address[place] for place in places[:4])
    if address.startswith(_SIX_TO_FOUR):
        return address[2:6]
    if address.startswith(_TEREDO):
        return bytes(octet ^ 0xFF for octet in address[12:])
    if address.startswith((_MAPPED, _TRANSLATED)):
        return address[12:]
    if address.startswith(_COMPATIBLE) and address[12:] not in _NOT_INSIDE:
        return address[12:]
    return None
