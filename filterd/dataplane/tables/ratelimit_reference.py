"""The plain model of the rate limit: a bucket for each client prefix, with no end of memory.

A bucket is the moment at which it will be full again (the "theoretical arrival time" of the generic cell
rate algorithm, ITU-T I.371). A query moves that moment on by the interval between two queries, and passes
unless the bucket would be full later than one burst from now. Every query that passes earns its prefix one TC
answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from filterd.dataplane.tables.addresses_reference import IPNetwork, network, plain
from filterd.dataplane.tables.rate_settings import RateOverrideRule, RateSettings

UNITS = 4096
"""in which a millisecond is counted"""
MOST_CREDIT = 15
"""TC answers that a prefix may have saved"""


@dataclass(frozen=True, slots=True)
class Rate:
    """The limit of one client; times in units."""

    prefix: IPNetwork
    interval: int
    """between two queries; 0: no limit"""
    burst: int
    """how far ahead of now the bucket may be full"""


def rate_of(settings: RateSettings, client: bytes) -> Rate:
    """The limit of the longest override that covers the client, else that of all."""
    address = plain(client)
    default = settings.ipv4_prefix if address.version == 4 else settings.ipv6_prefix
    covering = [each for each in settings.overrides if address in each.prefix]
    longest = max(covering, key=lambda each: each.prefix.prefixlen, default=None)
    limit: RateSettings | RateOverrideRule = settings if longest is None else longest
    length = default if longest is None else max(default, longest.prefix.prefixlen)
    masked = int(address) >> (address.max_prefixlen - length) << (address.max_prefixlen - length)
    prefix = network(masked.to_bytes(len(address.packed)), length)
    if limit.queries_per_second == 0:
        return Rate(prefix, 0, 0)
    interval = max(1000 * UNITS // limit.queries_per_second, 1)
    return Rate(prefix, interval, interval * max(limit.burst, 1))


class Taken(NamedTuple):
    """The outcome of one query, and the length of the prefix that has the bucket."""

    outcome: Literal["pass", "truncate", "drop"]
    length: int


@dataclass(slots=True)
class Bucket:
    """The bucket of one client prefix."""

    full_at: int
    """in units"""
    credit: int = MOST_CREDIT


@dataclass(slots=True)
class ReferenceBuckets:
    """The buckets of all clients that asked; they outlive a change of the settings."""

    buckets: dict[IPNetwork, Bucket] = field(default_factory=dict)

    def take(self, settings: RateSettings, client: bytes, milliseconds: int) -> Taken:
        """Take one query of a client (16 bytes)."""
        rate = rate_of(settings, client)
        return Taken(self._outcome(rate, milliseconds * UNITS), rate.prefix.prefixlen)

    def _outcome(self, rate: Rate, now: int) -> Literal["pass", "truncate", "drop"]:
        if rate.interval == 0:
            return "pass"
        bucket = self.buckets.get(rate.prefix)
        if bucket is None:
            self.buckets[rate.prefix] = Bucket(now + rate.interval)
            return "pass"
        # Fuller than one burst ahead it can be where the limit was another one.
        bucket.full_at = min(max(bucket.full_at, now), now + rate.burst)
        if bucket.full_at + rate.interval <= now + rate.burst:
            bucket.full_at += rate.interval
            bucket.credit = min(bucket.credit + 1, MOST_CREDIT)
            return "pass"
        if bucket.credit:
            bucket.credit -= 1
            return "truncate"
        return "drop"
