"""The addresses of hosts, found before each request and then held: no later answer can lead elsewhere."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult


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
    """Return whether an address is one of the public Internet."""
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped.is_global
    return found.is_global


def leads_inward(first: Sequence[str], later: Sequence[str]) -> bool:
    """Return whether a redirect goes from a server of the public Internet to an address that is none of it: a
    stranger's server must not choose which inner one is asked."""
    return any(is_public(each) for each in first) and not all(is_public(each) for each in later)
