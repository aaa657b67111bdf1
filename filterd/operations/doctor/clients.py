"""The clients that are served: too many (an open resolver), or too few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from filterd.config.value_types import IPNetwork
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found

GLOBAL_IPV6 = IPv6Network("2000::/3")
"""all global unicast addresses (RFC 4291 section 2.4)"""
OPEN_IPV4, WIDE_IPV4 = 2, 8
OPEN_IPV6, WIDE_IPV6 = 8, 20
"""bits: a prefix this short is the whole Internet, or more than one provider has"""


def check(case: Case) -> Iterator[Finding]:
    """Look at ``dns.allow_from``, and at the senders that may say who a client is."""
    dns = case.settings.dns
    for network in _collapsed(dns.allow_from):
        if _is_public(network) and network.prefixlen <= _limit(network, OPEN_IPV4, OPEN_IPV6):
            yield found("clients.open", prefix=str(network))
        elif _is_public(network) and network.prefixlen < _limit(network, WIDE_IPV4, WIDE_IPV6):
            yield found("clients.wide", prefix=str(network))
    for key, networks in (("dns.proxy_from", dns.proxy_from), ("dns.ecs_from", dns.ecs_from)):
        for network in _collapsed(networks):
            if network.prefixlen < _limit(network, WIDE_IPV4, WIDE_IPV6):
                yield found("clients.wide_fronts", key=key, prefix=str(network))
    serves_others = any(not each.address.is_loopback for each in dns.listen)
    if serves_others and "dns.allow_from" not in case.written:
        yield found("clients.default", count=len(dns.allow_from))


def _collapsed(networks: Iterable[IPNetwork]) -> Iterator[IPNetwork]:
    """The networks with neighbours joined: two halves of the Internet are all of it."""
    given = tuple(networks)
    yield from collapse_addresses(each for each in given if isinstance(each, IPv4Network))
    yield from collapse_addresses(each for each in given if isinstance(each, IPv6Network))


def _limit(network: IPNetwork, ipv4: int, ipv6: int) -> int:
    return ipv4 if network.version == 4 else ipv6


def _is_public(network: IPNetwork) -> bool:
    """Return whether the network has addresses of the public Internet."""
    if isinstance(network, IPv4Network):
        return not network.is_private and not network.is_loopback
    return network.overlaps(GLOBAL_IPV6)
