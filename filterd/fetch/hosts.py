"""The addresses of hosts, found before each request and then held: no later answer can lead elsewhere."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$", re.IGNORECASE)
_NAT64 = ip_network("64:ff9b::/96")
_UNROUTED = tuple(
    map(
        ip_network,
        (
            "::/96",  # IPv4-compatible, unspecified, loopback (RFC 4291 §2.5.5.1)
            "::ffff:0:0/96",  # IPv4-mapped (RFC 4291 §2.5.5.2)
            "64:ff9b:1::/48",  # NAT64 of a network's own (RFC 8215)
            "2001::/32",  # Teredo (RFC 4380)
            "2002::/16",  # 6to4 (RFC 3056)
            "fec0::/10",  # site-local (RFC 3879)
        ),
    )
)
"""networks that ipaddress takes for global, in whole or in part, and whose addresses lead to others"""


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


def is_numeric(host: str) -> bool:
    """Return whether a host is written as a number, such as 127.1 or 0x7f000001: some programs connect to the
    address that it stands for (URL Standard, "ends in a number")."""
    return _NUMBER.search(host) is not None


def held_socket(addresses: Sequence[str]) -> Callable[[Any], socket.socket]:
    """A maker of sockets, for aiohttp, to these addresses alone. It raises ``OSError`` for any other."""
    held = frozenset(map(ip_address, addresses))

    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, target = info
        if ip_address(target[0]) not in held:
            raise OSError(errno.EACCES, "not an address that was looked up")
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


def is_public(address: str) -> bool:
    """Return whether an address is on the public Internet. An address of NAT64 (RFC 6052) is public if the
    IPv4 address in it is; no other IPv6 address with an IPv4 address in it counts as public."""
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found in _NAT64:
        found = IPv4Address(int(found) & 0xFFFFFFFF)
    return found.is_global and not found.is_multicast and not any(found in each for each in _UNROUTED)


def leads_inward(before: Sequence[str], later: Sequence[str]) -> bool:
    """Return whether a redirect goes from a public server, or from one that only the proxy looks up (no
    addresses), to an address that is not public. A server outside must not send us to one inside."""
    stranger = not before or any(is_public(each) for each in before)
    return stranger and not all(is_public(each) for each in later)
