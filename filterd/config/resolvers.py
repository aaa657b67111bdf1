"""The system's resolvers as default upstreams, and the check that no upstream is ourselves."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from filterd.config.value_types import Endpoint

IsLocal = Callable[[IPv4Address | IPv6Address], bool]


def system_resolvers(path: Path) -> tuple[Endpoint, ...]:
    """The name servers of a resolv.conf(5), port 53; empty where the file is missing or names none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    found: list[Endpoint] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            endpoint = Endpoint(ip_address(words[1]), 53)
        except ValueError:
            continue
        if endpoint not in found:
            found.append(endpoint)
    return tuple(found)


def is_local(address: IPv4Address | IPv6Address) -> bool:
    """Return whether this machine has the address: only then can a socket be bound to it. Sends nothing."""
    if address.is_loopback:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def loops(upstream: Endpoint, listen: Iterable[Endpoint], local: IsLocal = is_local) -> bool:
    """Return whether a query sent to the upstream would arrive at one of our own sockets."""
    for own in listen:
        if own.port != upstream.port:
            continue
        if own.address == upstream.address:
            return True
        wildcard = own.address.is_unspecified and (own.address.version in (6, upstream.address.version))
        if wildcard and (upstream.address.is_unspecified or local(upstream.address)):
            return True
    return False
