"""The rate limit's settings for tests, and a plain model of what it promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
UNITS = 4096
"""in which the native code counts a millisecond"""
MAX_CREDIT = 15


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


@dataclass
class Bucket:
    """What is left to one client prefix."""

    tokens: Fraction
    at: int
    credit: int = MAX_CREDIT


@dataclass
class Model:
    """A token bucket for each client prefix, with no end of memory. Rates are what the native code makes of
    them: an interval in whole units."""

    limit: Limit
    buckets: dict[Network, Bucket] = field(default_factory=dict)

    def take(self, address: str, now: int) -> str:
        """One query at so many milliseconds."""
        prefix, rate, burst = self.rule(address)
        if rate == 0:
            return "pass"
        interval = Fraction(1000 * UNITS // rate)
        bucket = self.buckets.setdefault(prefix, Bucket(Fraction(burst), now))
        bucket.tokens = min(bucket.tokens + Fraction((now - bucket.at) * UNITS) / interval, Fraction(burst))
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            bucket.credit = min(bucket.credit + 1, MAX_CREDIT)
            return "pass"
        if bucket.credit:
            bucket.credit -= 1
            return "truncate"
        return "drop"

    def rule(self, address: str) -> tuple[Network, int, int]:
        """The prefix that has the bucket, its rate and its burst."""
        host = ip_network(address)
        length = self.limit.ipv4_prefix if host.version == 4 else self.limit.ipv6_prefix
        rate, burst = self.limit.queries_per_second, self.limit.burst
        covering = [each for each in self.limit.overrides if ip_address(address) in each.prefix]
        if covering:
            longest = max(covering, key=lambda each: each.prefix.prefixlen)
            rate, burst = longest.queries_per_second, longest.burst
            length = max(length, longest.prefix.prefixlen)
        return host.supernet(new_prefix=length), rate, burst
