"""The addresses of hosts, found before each request and then held: no later answer can lead elsewhere."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

_WITH_IPV4 = IPv6Network("64:ff9b::/96"), IPv6Network("::/96")
"""networks whose last 32 bits are an IPv4 address: of translators, and compatible ones"""


class HeldAddresses(AbstractResolver):
    """Answers aiohttp's connections with the addresses that were found before, and with nothing else."""

    def __init__(self, addresses: Mapping[str, Sequence[str]]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses.get(host, ())
        ]

    async def close(self) -> None:
        """Nothing is open."""


def literal(host: str) -> str | None:
    """The address that a host is written as; None for a name."""
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Return whether an address is one of the public Internet, and each IPv4 address that it embeds too: a
    translator or a tunnel on the way would lead there."""
    found = ip_address(address)
    inner = _embedded(found) if isinstance(found, IPv6Address) else ()
    if inner:
        return all(each.is_global and not each.is_multicast for each in inner)
    local = isinstance(found, IPv6Address) and found.is_site_local
    return found.is_global and not (found.is_multicast or found.is_reserved or local)


def _embedded(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses in one of IPv6: mapped and compatible (RFC 4291 §2.5.5), of a translator (RFC 6052),
    6to4 (RFC 3056), and the server and client of Teredo (RFC 4380)."""
    found = address.ipv4_mapped or address.sixtofour
    if found is not None:
        return (found,)
    if address.teredo is not None:
        return address.teredo
    if address in _WITH_IPV4[0] or address in _WITH_IPV4[1]:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def leads_inward(first: Sequence[str], later: Sequence[str]) -> bool:
    """Return whether a redirect goes from a server of the public Internet, or from one that a proxy finds
    (no addresses), to an address that is not public: a stranger's server must not choose which inner one is
    asked."""
    began_inside = bool(first) and not any(is_public(each) for each in first)
    return not began_inside and not all(is_public(each) for each in later)
