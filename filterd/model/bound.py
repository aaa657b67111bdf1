"""The text of what a static binding binds to a line: addresses, ports of an address, or an identity.

=============== ============================== ====================================================
kind            canonical text                 the queries that it covers
=============== ============================== ====================================================
prefix          ``192.0.2.7/32``               of clients in the prefix
ports           ``192.0.2.1:1024-2047``        of clients behind that IPv4 address, from those ports
identity        ``mac:00:11:22:aa:bb:cc``      with that hardware address, from a sender that is
                ``device:TEXT`` ``cpe:TEXT``   trusted for identities (``dns.edns_id_from``,
                ``tlv:TEXT``                   ``dns.proxy_from``)
=============== ============================== ====================================================

The canonical texts of different bounds differ, and so do their beginnings: a range of ports begins with its
address and a colon, and no group of an IPv6 address is a kind of identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from filterd.model.identity import BOUND_KINDS, IdentityKind, identity_input

LAST_PORT = 65_535
MOST_PORT_PREFIXES = 30
"""the most prefixes that a range of ports is cut into"""
MOST_IDENTITY = 64
"""bytes of an identity's text"""
LONGEST = len("device:") + MOST_IDENTITY
"""characters of the longest canonical text"""
PORT_LENGTH = 32
"""bits of the address before the bits of the port in a place of ports"""

_WORDS = {kind: word for word, kind in BOUND_KINDS.items()}
_MAC = re.compile(
    r"([0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}|[0-9a-f]{12})",
    re.IGNORECASE,
)
_MAC_AS_TEXT = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", re.IGNORECASE)
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_IDENTITY = re.compile(r"[!-~]+")
"""printable ASCII without the space, which separates bounds in an import"""

Place = tuple[bytes, int]
"""16 bytes and how many bits of them count: the form of a table's keys"""


class BoundError(ValueError):
    """A text that says nothing a binding can bind; ``remedy`` says how to write it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class PrefixBound:
    """The clients in a prefix."""

    network: IPv4Network | IPv6Network

    def __str__(self) -> str:
        return str(self.network)

    def places(self) -> list[Place]:
        """Its place in a table of addresses; IPv4 stands as ``::ffff:a.b.c.d``."""
        packed = self.network.network_address.packed
        if self.network.version == 6:
            return [(packed, self.network.prefixlen)]
        return [(bytes(10) + b"\xff\xff" + packed, 96 + self.network.prefixlen)]


@dataclass(frozen=True, slots=True)
class PortsBound:
    """The clients behind an IPv4 address whose ports are from ``first`` to ``last``."""

    address: IPv4Address
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.address}:{self.first}-{self.last}"

    def places(self) -> list[Place]:
        """Its places in a table of ports: the address, the port and zeros."""
        packed = self.address.packed
        return [
            (packed + port.to_bytes(2) + bytes(10), PORT_LENGTH + bits)
            for port, bits in port_prefixes(self.first, self.last)
        ]

    def overlaps(self, other: PortsBound) -> bool:
        """True if a port of the same address is in both."""
        return self.address == other.address and self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class IdentityBound:
    """The queries that come with an identity; ``text`` is what its fingerprint is made of."""

    kind: IdentityKind
    text: bytes

    def __str__(self) -> str:
        shown = self.text.hex(":") if self.kind is IdentityKind.MAC else self.text.decode("ascii")
        return f"{_WORDS[self.kind]}:{shown}"

    def input(self) -> bytes:
        """The bytes whose fingerprint it is known by."""
        return identity_input(self.kind, self.text)


Bound = PrefixBound | PortsBound | IdentityBound


def parse_bound(text: str) -> Bound:
    """The bound of a text as people write it, in any usual form. Raises BoundError."""
    trimmed = text.strip()
    head, colon, rest = trimmed.partition(":")
    if not colon or trimmed.count(":") > 1 or "." not in head:
        kind = BOUND_KINDS.get(head.lower()) if colon else None
        return PrefixBound(parse_prefix(trimmed)) if kind is None else _identity(kind, rest)
    kind = BOUND_KINDS.get(head.lower())
    return _ports(head, rest) if kind is None else _identity(kind, rest)


def parse_prefix(text: str) -> IPv4Network | IPv6Network:
    """An address or prefix; IPv4 inside IPv6 becomes IPv4. Raises BoundError."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise _no_prefix(text) from error
    if "%" in text:
        message = f"{text[:64]} has a zone, which means something on one machine only"
        raise BoundError(message, "write the address without % and what follows it")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def _no_prefix(text: str) -> BoundError:
    try:
        whole = ip_network(text, strict=False)
    except ValueError:
        message = f"not an address or prefix: {text[:64]!r}"
        return BoundError(message, "write it like 192.0.2.7 or 2001:db8:1::/56")
    return BoundError(f"{text} has bits set beyond its length", f"write it as {whole}")


def _ports(head: str, rest: str) -> PortsBound:
    try:
        address = IPv4Address(head)
    except ValueError as error:
        message = f"not an IPv4 address with ports: {head[:64]!r}"
        raise BoundError(message, "write it like 192.0.2.1:1024-2047") from error
    found = _PORTS.fullmatch(rest)
    if found is None:
        message = f"not a range of ports: {rest[:64]!r}"
        raise BoundError(message, f"write it like {address}:1024-2047")
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    if first > last or last > LAST_PORT:
        message = f"{rest} is no range of ports: they go up from 0 to {LAST_PORT}"
        raise BoundError(message, f"write it like {address}:1024-2047")
    return PortsBound(address, first, last)


def _identity(kind: IdentityKind, text: str) -> IdentityBound:
    if kind is IdentityKind.MAC or (kind is IdentityKind.DEVICE and _MAC_AS_TEXT.fullmatch(text)):
        if _MAC.fullmatch(text) is None:
            message = f"not a hardware address: {text[:MOST_IDENTITY]!r}"
            raise BoundError(message, "write it like mac:00:11:22:aa:bb:cc")
        return IdentityBound(IdentityKind.MAC, bytes.fromhex(re.sub("[:.-]", "", text)))
    word = _WORDS[kind]
    if _IDENTITY.fullmatch(text) is None or len(text) > MOST_IDENTITY:
        message = f"not the text of an identity: {text[:MOST_IDENTITY]!r}"
        remedy = f"write {word}: and 1 to {MOST_IDENTITY} characters of ASCII without spaces"
        raise BoundError(message, remedy)
    return IdentityBound(kind, text.encode("ascii"))


def port_prefixes(first: int, last: int) -> list[tuple[int, int]]:
    """The aligned prefixes (port, bits that count) that a range of ports is cut into, in their order."""
    found = []
    port = first
    while port <= last:
        size = port & -port or LAST_PORT + 1
        while port + size - 1 > last:
            size >>= 1
        found.append((port, 17 - size.bit_length()))
        port += size
    return found
