"""The addresses that a line can have, and the networks in which a claim counts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

MAPPED = bytes(10) + b"\xff\xff"
"""begins the 16 bytes of an IPv4 address"""
MAPPED_BITS = 96
SHORTEST_PREFIX = 40
"""bits of an IPv6 prefix; a shorter one is nobody's line"""
NOT_A_LINES = (
    "no line can have it: it is a loopback, link-local, multicast or reserved address, or an IPv6 prefix "
    f"shorter than /{SHORTEST_PREFIX}"
)
_LINK_LOCAL = b"\xa9\xfe"
"""169.254.0.0/16 (RFC 3927)"""
_LOOPBACK = MAPPED + b"\x7f"


def is_reserved(address: bytes, length: int) -> bool:
    """True if no line can have a prefix (16 bytes, IPv4 as ::ffff:a.b.c.d, and the length of these): it is
    reserved (RFC 6890), loopback, link-local or multicast, or of IPv6 and shorter than SHORTEST_PREFIX."""
    if length >= MAPPED_BITS and address.startswith(MAPPED):
        first = address[12]
        return first in (0, 127) or first >= 224 or address[12:14] == _LINK_LOCAL
    link_local = address[0] == 0xFE and address[1] & 0xC0 == 0x80
    return length < SHORTEST_PREFIX or address[0] in (0, 0xFF) or link_local


def is_loopback(address: bytes) -> bool:
    """True for an address in 127.0.0.0/8."""
    return address.startswith(_LOOPBACK)


def _entry(network: IPv4Network | IPv6Network) -> tuple[bytes, int]:
    start = network.network_address.packed
    return (
        (MAPPED + start, network.prefixlen + MAPPED_BITS) if len(start) == 4 else (start, network.prefixlen)
    )


def _covers(entry: tuple[bytes, int], address: bytes, length: int) -> bool:
    start, bits = entry
    shift = 128 - bits
    return bits <= length and int.from_bytes(start) >> shift == int.from_bytes(address) >> shift


class ClaimNetworks:
    """The networks in which claims count; without any they count everywhere."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        given = tuple(networks)
        merged = [
            *map(_entry, collapse_addresses(each for each in given if isinstance(each, IPv4Network))),
            *map(_entry, collapse_addresses(each for each in given if isinstance(each, IPv6Network))),
        ]
        kept: list[tuple[bytes, int]] = []
        for each in sorted(merged):
            if not kept or not _covers(kept[-1], *each):
                kept.append(each)
        self.entries = tuple(kept)
        """first address (16 bytes) and length, in their order, none in another"""
        self._starts = [start for start, _ in kept]

    def __bool__(self) -> bool:
        return bool(self.entries)

    def covers(self, address: bytes, length: int) -> bool:
        """True if a prefix (16 bytes and the length of these) lies in one of them, or there is none."""
        if not self.entries:
            return True
        at = bisect_right(self._starts, address) - 1
        return at >= 0 and _covers(self.entries[at], address, length)

    def take(self, address: bytes, length: int) -> bool:
        """True if a claim of the operator's own (a command, a lease file) counts. Of the addresses that no
        line can have, those of 127.0.0.0/8 do where a network names them: the machine asks itself."""
        if not self.covers(address, length):
            return False
        return not is_reserved(address, length) or (bool(self.entries) and is_loopback(address))
