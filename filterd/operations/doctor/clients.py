"""The clients that are served: too many (an open resolver), or too few."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from socket import AF_INET, AF_INET6, inet_pton

from filterd.config.cautions import MOST_FORWARDERS, is_crowd
from filterd.config.value_types import IPNetwork
from filterd.model.identity import BOUND_KINDS
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.store import bindings
from filterd.store.errors import StoreError

GLOBAL_IPV6 = IPv6Network("2000::/3")
"""all global unicast addresses (RFC 4291 section 2.4)"""
OPEN_IPV4, WIDE_IPV4 = 2, 8
OPEN_IPV6, WIDE_IPV6 = 8, 20
"""bits: a prefix this short is the whole Internet, or more than one provider has"""
COMPARE_SECONDS = 4.0
PAGE = 10_000
"""bindings that are read at once"""


def check(case: Case) -> Iterator[Finding]:
    """Look at ``dns.allow_from``, and at the senders that may say who a client is."""
    dns = case.settings.dns
    for network in _collapsed(dns.allow_from):
        if _is_public(network) and network.prefixlen <= _limit(network, OPEN_IPV4, OPEN_IPV6):
            yield found("clients.open", prefix=str(network))
        elif _is_public(network) and network.prefixlen < _limit(network, WIDE_IPV4, WIDE_IPV6):
            yield found("clients.wide", prefix=str(network))
    yield from _fronts("dns.proxy_from", dns.proxy_from)
    yield from _fronts("dns.ecs_from", dns.ecs_from)
    yield from _fronts("dns.edns_id_from", dns.edns_id_from)
    serves_others = case.knows("dns.listen") and any(not each.address.is_loopback for each in dns.listen)
    if serves_others and "dns.allow_from" not in case.written:
        yield found("clients.default", count=len(dns.allow_from))
    if case.knows("store", "state_dir"):
        yield from _refused_lines(case)


def _fronts(key: str, networks: tuple[IPNetwork, ...]) -> Iterator[Finding]:
    """Look at the senders that say who a client is."""
    for network in _collapsed(networks):
        if network.prefixlen < _limit(network, WIDE_IPV4, WIDE_IPV6):
            yield found("clients.wide_fronts", key=key, prefix=str(network))
    for network in networks:
        if is_crowd(network) and network.prefixlen >= _limit(network, WIDE_IPV4, WIDE_IPV6):
            yield found("clients.many_fronts", key=key, prefix=str(network), most=MOST_FORWARDERS)


def _refused_lines(case: Case) -> Iterator[Finding]:
    """Lines that nobody answers: their prefixes are outside ``dns.allow_from``. What keeps the store from
    being read, ``store`` says."""
    try:
        lines, compared, whole = asyncio.run(_outside(case))
    except StoreError:
        return
    if lines:
        yield found("clients.lines_outside", count=len(lines))
    if not whole:
        yield found("clients.lines_unchecked", count=compared)


async def _outside(case: Case) -> tuple[set[int], int, bool]:
    """The lines with a prefix outside, how many bindings were compared, and whether that was all."""
    served = _Ranges(case.settings.dns.allow_from)
    lines: set[int] = set()
    compared, after = 0, ""
    deadline = time.monotonic() + COMPARE_SECONDS
    async with reading.opened(case) as context:
        while time.monotonic() < deadline:
            async with context.store.read() as connection:
                page = await bindings.page(connection, after=after, limit=PAGE)
            lines.update(line for prefix, line, _ in page if prefix not in served)
            compared += len(page)
            if len(page) < PAGE:
                return lines, compared, True
            after = page[-1][0]
    return lines, compared, False


class _Ranges:
    """The addresses of many networks, to be asked a million times."""

    def __init__(self, networks: Iterable[IPNetwork]) -> None:
        ranges = [
            (each.network_address.packed, each.broadcast_address.packed) for each in _collapsed(networks)
        ]
        self._first: dict[int, list[bytes]] = {4: [], 16: []}
        self._last: dict[int, list[bytes]] = {4: [], 16: []}
        for first, last in sorted(ranges):
            self._first[len(first)].append(first)
            self._last[len(last)].append(last)

    def __contains__(self, bound: str) -> bool:
        """True if the first address of a binding is in one of the networks, and for an identity, which comes
        from any address."""
        head, colon, _ = bound.partition(":")
        if colon and head in BOUND_KINDS:
            return True
        text = head if colon and "." in head else bound.partition("/")[0]
        address = inet_pton(AF_INET6 if ":" in text else AF_INET, text)
        place = bisect_right(self._first[len(address)], address) - 1
        return place >= 0 and address <= self._last[len(address)][place]


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
