"""The rate limit's settings for tests."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Override:
    """Another limit for a prefix."""

    prefix: Network
    queries_per_second: int
    burst: int


@dataclass(frozen=True)
class Limit:
    """Settings of the rate limit."""

    queries_per_second: int = 10
    burst: int = 20
    ipv4_prefix: int = 32
    ipv6_prefix: int = 56
    overrides: tuple[Override, ...] = ()


def wide(text: str) -> bytes:
    """An address in 16 bytes."""
    packed = ip_address(text).packed
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed
